/** Copy, cut and paste of instances, between nodes and tabs; pasted pictures and boxes. */

import { pasteInstances, removeInstance } from "../model/edits.js";
import { formatCanvas, parseCanvas } from "../model/schema.js";
import { bringPicture } from "./drop.js";

/** @typedef {import("./editor.js").Editor} Editor */

/**
 * The events come to whatever has the focus: they are caught before the graph sees them.
 *
 * @param {Editor} editor
 * @param {AbortSignal} signal
 */
export function listenToClipboard(editor, signal) {
  const own =
    (/** @type {(event: ClipboardEvent) => boolean} */ act) => (/** @type {any} */ event) => {
      if (!editor.hasFocus() || isText(document.activeElement)) return;
      if (act(event)) event.preventDefault();
      event.stopImmediatePropagation();
    };
  /** @type {[string, (event: ClipboardEvent) => boolean][]} */
  const handlers = [
    ["copy", (event) => copy(editor, event)],
    ["cut", (event) => cut(editor, event)],
    ["paste", (event) => paste(editor, event)],
  ];
  for (const [name, act] of handlers)
    window.addEventListener(name, own(act), { signal, capture: true });
}

/** @param {Element | null} element */
function isText(element) {
  return element instanceof HTMLTextAreaElement || element instanceof HTMLInputElement;
}

/** @param {Editor} editor @param {ClipboardEvent} event */
function copy({ store }, event) {
  if (!store.selected) return false;
  const text = formatCanvas({ ...store.canvas, instances: [store.selected] });
  event.clipboardData?.setData("text/plain", text);
  return true;
}

/** @param {Editor} editor @param {ClipboardEvent} event */
function cut(editor, event) {
  const { store } = editor;
  if (store.selected?.locked || !copy(editor, event)) return false;
  store.commit(removeInstance(store.canvas, String(store.selectedId)), { selected: null });
  return true;
}

/** @param {Editor} editor @param {ClipboardEvent} event */
function paste(editor, event) {
  const data = event.clipboardData;
  const picture = [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
  if (picture) {
    void bringPicture(editor, picture);
    return true;
  }
  const text = data?.getData("text/plain") ?? "";
  if (text.trim() === "") return false;
  const { canvas } = parseCanvas(text);
  if (canvas === null) {
    editor.openImport(text);
    return true;
  }
  const { store } = editor;
  const pasted = pasteInstances(store.canvas, canvas.instances);
  store.commit(pasted.canvas, { selected: pasted.id });
  return true;
}
