/** The canvas that is worked on, with its selection and history. It writes its text when it changes. */

import { addInstance, addShape, findInstance } from "./edits.js";
import { History } from "./history.js";
import { emptyCanvas, formatCanvas, parseCanvas } from "./schema.js";

/** @typedef {import("./schema.js").Canvas} Canvas */
/** @typedef {import("./schema.js").Instance} Instance */
/** @typedef {{canvas: Canvas, selected: string | null}} Moment */

export class Store {
  /** @param {(text: string) => void} write called with the text of every committed change */
  constructor(write) {
    this.write = write;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    /** @type {string | null} why the text cannot be read */
    this.problem = null;
    this.text = "";
    /** @type {Canvas | null} while something is dragged */
    this.draft = null;
    /** @type {Instance[]} what came in by the sockets in the last run */
    this.imported = [];
    this.history = new History(/** @type {Moment} */ ({ canvas: emptyCanvas(), selected: null }));
  }

  /** @returns {Canvas} as it is seen, a drag included */
  get canvas() {
    return this.draft ?? this.history.present.canvas;
  }

  get selectedId() {
    return this.history.present.selected;
  }

  get selected() {
    return findInstance(this.canvas, this.selectedId);
  }

  /** What came in and was not taken over. */
  get guests() {
    return this.imported.filter((one) => findInstance(this.canvas, one.id) === null);
  }

  /**
   * Take the text as it is now in the widget; nothing happens if it is the one we wrote.
   *
   * @param {unknown} given
   */
  load(given) {
    const text = typeof given === "string" ? given : "";
    if (text === this.text && this.problem === null) return;
    const { canvas, problem } = parseCanvas(text);
    this.text = text;
    this.problem = problem;
    this.draft = null;
    const selected = findInstance(canvas ?? emptyCanvas(), this.selectedId)?.id ?? null;
    this.history = new History({ canvas: canvas ?? emptyCanvas(), selected });
    this.tell();
  }

  /** @param {Canvas | null} canvas shown, but not kept; null: as it was */
  preview(canvas) {
    this.draft = canvas;
    this.tell();
  }

  /**
   * @param {Canvas} canvas
   * @param {{selected?: string | null, kind?: string | null}} [more] changes of one kind in a row
   * are one step of the history
   */
  commit(canvas, { selected = this.selectedId, kind = null } = {}) {
    this.draft = null;
    if (canvas === this.history.present.canvas) return this.select(selected);
    this.history.push({ canvas, selected }, kind);
    this.save();
  }

  /** @param {string | null} id */
  select(id) {
    if (id !== this.selectedId) {
      this.history.present = { ...this.history.present, selected: id };
      this.history.part();
    }
    this.tell();
  }

  undo() {
    this.draft = null;
    if (this.history.undo()) this.save();
  }

  redo() {
    this.draft = null;
    if (this.history.redo()) this.save();
  }

  save() {
    this.problem = null;
    this.text = formatCanvas(this.history.present.canvas);
    this.write(this.text);
    this.tell();
  }

  /**
   * Put an instance that came in among the drawn ones, under its own id.
   *
   * @param {string} id
   * @param {Partial<Instance>} [changes]
   */
  takeOver(id, changes = {}) {
    const guest = this.imported.find((one) => one.id === id);
    if (!guest) return;
    const instances = [...this.canvas.instances, { ...guest, ...changes }];
    this.commit({ ...this.canvas, instances }, { selected: id });
  }

  /**
   * A shape as a new instance, or put to the selected one.
   *
   * @param {import("./schema.js").Shape} shape
   * @param {boolean} alone a new instance
   */
  place(shape, alone) {
    const { canvas, selected } = this;
    if (alone || !selected) {
      const added = addInstance(canvas, { shapes: [{ ...shape, op: "add" }] });
      this.commit(added.canvas, { selected: added.id });
    } else this.commit(addShape(canvas, selected.id, shape));
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}
