/** Typing the instruction in the shape itself. */

import { changeInstance, findInstance } from "../model/edits.js";
import { toPixel } from "../model/viewport.js";
import { boundsOf, clamp } from "../shapes/geometry.js";
import { make } from "./dom.js";

/** @typedef {import("./editor.js").Editor} Editor */

const WIDE = 200;
const WIDEST = 320;
const TALL = 54;

/**
 * Open a text field at the instance. Enter keeps what is typed, so does leaving it; Escape does not.
 *
 * @param {Editor} editor
 * @param {HTMLElement} stage
 * @param {string} id
 */
export function openTypeIn(editor, stage, id) {
  const { store, words, size, view, area } = editor;
  const instance = findInstance(store.canvas, id);
  if (!instance) return;
  const bounds = boundsOf(instance.shapes) ?? [0, 0, 1, 1];
  const [left, top] = toPixel(view, size, [bounds[0], bounds[1]]);
  const [right] = toPixel(view, size, [bounds[2], bounds[3]]);
  const width = clamp(right - left, WIDE, Math.min(area[1], WIDEST));
  const field = make("textarea", {
    class: "ie-type",
    value: instance.instruction,
    placeholder: words.instruction,
    "aria-label": words.instruction,
    "data-capture-wheel": "true",
  });
  field.style.width = `${width}px`;
  field.style.left = `${clamp(left, 0, area[1] - width)}px`;
  field.style.top = `${clamp(top + 20, 0, area[0] - TALL)}px`;
  let open = true;
  const close = (/** @type {boolean} */ keep) => {
    if (!open) return;
    open = false; // taking it away blurs it once more
    const instruction = field.value.trim();
    field.remove();
    if (keep && instruction !== findInstance(store.canvas, id)?.instruction)
      store.commit(changeInstance(store.canvas, id, { instruction }));
  };
  field.addEventListener("blur", () => close(true));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const ends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (!ends && event.key !== "Escape") return;
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    close(ends);
    editor.focus();
  });
  stage.append(field);
  field.focus({ preventScroll: true });
  field.select();
}
