/** Where a drawn shape goes: to a new instance, or to the one that is selected. */

import { addInstance } from "../model/edits.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../model/schema.js").Shape} Shape */
/** @typedef {import("./tools/tool.js").Press} Press */

/**
 * A shape that was drawn: a new instance, or added to or taken from the selected one.
 *
 * @param {Editor} editor
 * @param {Shape} shape
 * @param {Press} press
 */
export function placeShape(editor, shape, press) {
  const { store, mode, words } = editor;
  const taking = press.alt || (mode === "subtract" && !press.shift);
  const alone = !taking && mode === "new" && !press.shift;
  const { selected } = store;
  if (taking && !selected) return editor.say(words.selectFirst);
  if (!alone && selected?.locked) return editor.say(words.locked);
  const isNew = alone || !selected;
  keepSize(editor);
  store.place({ ...shape, op: taking ? "subtract" : "add" }, isNew);
  if (isNew) editor.typeIn(store.selectedId);
}

/**
 * A stroke: to the selected instance whatever the mode, else a new one.
 *
 * @param {Editor} editor
 * @param {Shape} shape
 */
export function placeStroke(editor, shape) {
  const { store, words } = editor;
  const { selected } = store;
  if (selected?.locked) return editor.say(words.locked);
  if (!selected && shape.op === "subtract") return editor.say(words.selectFirst);
  keepSize(editor);
  store.place(shape, false);
}

/**
 * An instance without a shape; what is drawn next is its own.
 *
 * @param {Editor} editor
 */
export function placeNothing(editor) {
  const { canvas, id } = addInstance(editor.store.canvas, {});
  editor.store.commit(canvas, { selected: id });
  if (editor.toolName === "select") editor.setTool("box");
}

/**
 * The text says on which picture it was drawn, from the first shape on.
 *
 * @param {Editor} editor
 */
function keepSize({ store, picture, approximate, size }) {
  const { history, canvas } = store;
  if (!picture || approximate || canvas.instances.length > 0) return;
  history.present = { ...history.present, canvas: { ...canvas, size } };
}
