/** Keys while the drawing area has the focus. None of them reaches the graph. */

import { moveInstance, pasteInstances, removeInstance, reorderInstance } from "../model/edits.js";
import { zoomed } from "../model/viewport.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {(editor: Editor, event: KeyboardEvent) => void} Act */

const FAR = 10;
const ZOOM = 1.25;

/** @type {Record<string, Act>} */
const PLAIN = {
  v: (editor) => editor.setTool("select"),
  b: (editor) => editor.setTool("box"),
  l: (editor) => editor.setTool("lasso"),
  p: (editor) => editor.setTool("polygon"),
  d: (editor) => editor.setTool("brush"),
  e: (editor) => editor.setTool("eraser"),
  c: (editor) => editor.change({ showCells: !editor.showCells }),
  n: (editor) => editor.addInstance(),
  0: (editor) => editor.fit(),
  "+": (editor) => zoom(editor, ZOOM),
  "=": (editor) => zoom(editor, ZOOM),
  "-": (editor) => zoom(editor, 1 / ZOOM),
  "[": (editor) => editor.setRadius(editor.radius / ZOOM),
  "]": (editor) => editor.setRadius(editor.radius * ZOOM),
  enter: (editor) => editor.typeIn(editor.store.selectedId),
  f2: (editor) => editor.typeIn(editor.store.selectedId),
  delete: removeSelected,
  backspace: removeSelected,
  escape: (editor) => editor.escape(),
  pageup: (editor) => selectNext(editor, -1),
  pagedown: (editor) => selectNext(editor, 1),
  arrowleft: (editor, event) => nudge(editor, event, -1, 0),
  arrowright: (editor, event) => nudge(editor, event, 1, 0),
  arrowup: (editor, event) => (event.altKey ? reorder(editor, -1) : nudge(editor, event, 0, -1)),
  arrowdown: (editor, event) => (event.altKey ? reorder(editor, 1) : nudge(editor, event, 0, 1)),
};
/** @type {Record<string, Act>} */
const CONTROL = {
  z: (editor, event) => (event.shiftKey ? editor.store.redo() : editor.store.undo()),
  y: (editor) => editor.store.redo(),
  d: duplicateSelected,
  a: () => {}, // the graph's nodes are not what is meant here
};
/** Handled by the clipboard's own events. */
const CLIPBOARD = ["c", "x", "v"];

/** @param {Editor} editor @param {HTMLElement} surface @param {AbortSignal} signal */
export function listenToKeys(editor, surface, signal) {
  surface.addEventListener("keydown", (event) => onKey(editor, event), { signal });
  surface.addEventListener(
    "keyup",
    (event) => {
      if (event.key === " ") editor.change({ panning: false });
      event.stopPropagation();
    },
    { signal },
  );
}

/** @param {Editor} editor @param {KeyboardEvent} event */
function onKey(editor, event) {
  const key = event.key.toLowerCase();
  if (key === "tab") return; // to the next element, as everywhere
  const control = event.ctrlKey || event.metaKey;
  if (control && !(key in CONTROL)) {
    if (CLIPBOARD.includes(key)) event.stopPropagation();
    return; // save, run and the like stay the front end's
  }
  event.stopPropagation();
  if (key === " ") editor.change({ panning: true });
  else if (control) CONTROL[key](editor, event);
  else if (!editor.tool.key?.(event.key)) PLAIN[key]?.(editor, event);
  if (control || key === " " || key in PLAIN) event.preventDefault();
}

/** @param {Editor} editor @param {number} factor */
export function zoom(editor, factor) {
  const middle = /** @type {[number, number]} */ ([editor.area[1] / 2, editor.area[0] / 2]);
  editor.setView(zoomed(editor.view, factor, middle, editor.size, editor.area));
}

/** @param {Editor} editor */
export function removeSelected(editor) {
  const { store } = editor;
  const { selected } = store;
  if (!selected) return;
  if (selected.locked) return editor.say(editor.words.locked);
  store.commit(removeInstance(store.canvas, selected.id), { selected: null });
}

/** @param {Editor} editor */
export function duplicateSelected(editor) {
  const { store } = editor;
  if (!store.selected) return;
  const { canvas, id } = pasteInstances(store.canvas, [store.selected]);
  store.commit(canvas, { selected: id });
}

/** @param {Editor} editor @param {number} step */
export function reorder(editor, step) {
  const { store } = editor;
  const place = store.canvas.instances.findIndex((one) => one.id === store.selectedId);
  if (place >= 0)
    store.commit(reorderInstance(store.canvas, String(store.selectedId), place + step));
}

/**
 * @param {Editor} editor
 * @param {KeyboardEvent} event
 * @param {number} right
 * @param {number} down
 */
function nudge(editor, event, right, down) {
  const { store, size } = editor;
  if (!store.selected) return;
  if (store.selected.locked) return editor.say(editor.words.locked);
  const pixels = event.shiftKey ? FAR : 1;
  const [dx, dy] = [(right * pixels) / size[1], (down * pixels) / size[0]];
  store.commit(moveInstance(store.canvas, store.selected.id, dx, dy), { kind: "nudge" });
}

/** @param {Editor} editor @param {number} step */
function selectNext(editor, step) {
  const { instances } = editor.store.canvas;
  if (instances.length === 0) return;
  const place = instances.findIndex((one) => one.id === editor.store.selectedId);
  const next = place < 0 ? (step > 0 ? 0 : -1) : (place + step) % instances.length;
  editor.store.select(/** @type {any} */ (instances.at(next)).id);
}
