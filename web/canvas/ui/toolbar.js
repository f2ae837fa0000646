/** The row of tools above the drawing area. */

import { iconButton, make } from "./dom.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {keyof typeof import("./icons.js").ICONS} IconName */

/** @type {("select" | "box" | "lasso" | "polygon" | "brush" | "eraser")[]} */
export const TOOLS = ["select", "box", "lasso", "polygon", "brush", "eraser"];
/** @type {["new" | "add" | "subtract", IconName][]} */
const MODES = [
  ["new", "modeNew"],
  ["add", "modeAdd"],
  ["subtract", "modeSubtract"],
];

/**
 * @param {Editor} editor
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function makeToolbar(editor) {
  const { words } = editor;
  const tools = TOOLS.map((name) =>
    iconButton(name, words.tools[name], () => editor.setTool(name), { "data-tool": name }),
  );
  const modes = MODES.map(([name, icon]) =>
    iconButton(icon, words.modes[name], () => editor.change({ mode: name }), { "data-mode": name }),
  );
  const undo = iconButton("undo", words.undo, () => editor.store.undo(), { "data-act": "undo" });
  const redo = iconButton("redo", words.redo, () => editor.store.redo(), { "data-act": "redo" });
  const cells = iconButton(
    "cells",
    words.cells,
    () => editor.change({ showCells: !editor.showCells }),
    {
      "data-act": "cells",
    },
  );
  const result = iconButton(
    "result",
    words.result,
    () => editor.change({ showResult: !editor.showResult }),
    {
      "data-act": "result",
    },
  );
  const radius = slider(words.radius, 0.004, 0.25, (value) => editor.setRadius(value));
  const brightness = slider(words.brightness, 0.15, 1, (value) =>
    editor.change({ brightness: value }),
  );
  const full = iconButton("full", words.fullScreen, () => editor.toggleFull(), {
    "data-act": "full",
  });
  const element = make(
    "div",
    { class: "ie-tools", role: "toolbar", "aria-label": words.canvas },
    group(...tools),
    group(...modes),
    group(undo, redo),
    group(radius),
    group(
      cells,
      result,
      brightness,
      iconButton("fit", words.fit, () => editor.fit(), { "data-act": "fit" }),
    ),
    group(
      iconButton("upload", words.upload, () => editor.host.choosePicture(), {
        "data-act": "upload",
      }),
      iconButton("import", words.import, () => editor.openImport(""), { "data-act": "import" }),
      full,
    ),
  );
  const update = () => {
    tools.forEach((button, n) => press(button, TOOLS[n] === editor.toolName));
    modes.forEach((button, n) => press(button, MODES[n][0] === editor.mode));
    press(cells, editor.showCells);
    press(result, editor.showResult);
    press(full, editor.isFull);
    result.disabled = editor.result === null;
    undo.disabled = editor.store.history.past.length === 0;
    redo.disabled = editor.store.history.future.length === 0;
    radius.hidden = !["brush", "eraser"].includes(editor.toolName);
    radius.value = String(editor.radius);
    brightness.value = String(editor.brightness);
  };
  return { element, update };
}

/** @param {...HTMLElement} children */
function group(...children) {
  return make("div", { class: "ie-group" }, ...children);
}

/** @param {HTMLButtonElement} button @param {boolean} pressed */
function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/**
 * @param {string} title
 * @param {number} min
 * @param {number} max
 * @param {(value: number) => void} act
 */
function slider(title, min, max, act) {
  return make("input", {
    type: "range",
    title,
    "aria-label": title,
    min: String(min),
    max: String(max),
    step: "0.002",
    oninput: (/** @type {any} */ event) => act(Number(event.target.value)),
  });
}
