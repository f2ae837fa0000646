/** Numbers so small that the classic renderer would print zeros alone, over the widget's name. */

import { chain } from "./hooks.js";

const FEW_DIGITS = 6;

/** @param {any} node whose widgets may be made anew at any time, as those of a method are */
export function shortenNumbers(node) {
  chain(node, "onDrawForeground", () => {
    for (const widget of node.widgets ?? [])
      if (widget.type === "number" && widget.options?.precision > FEW_DIGITS) shorten(widget);
  });
}

/** @param {any} widget */
export function shorten(widget) {
  if (Object.hasOwn(widget, "_displayValue")) return;
  Object.defineProperty(widget, "_displayValue", {
    configurable: true,
    get: () => String(Number(widget.value)),
  });
}
