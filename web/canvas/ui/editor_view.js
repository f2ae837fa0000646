/** The elements of a canvas, and when they are drawn anew. */

import { findingText, filled } from "../words/words.js";
import { listenToClipboard } from "./clipboard.js";
import { make } from "./dom.js";
import { draw } from "./draw.js";
import { listenToFiles } from "./drop.js";
import { listenToKeys } from "./keys.js";
import { makeList } from "./list.js";
import { listenToPointer } from "./pointer.js";
import { makeToolbar } from "./toolbar.js";

/** @typedef {import("./editor.js").Editor} Editor */

const PATIENCE_MS = 60;
const SAID_MS = 4000;

/**
 * The elements of a canvas, in the editor's language.
 *
 * @param {Editor} editor
 */
function makeParts(editor) {
  const { words } = editor;
  const surface = make("canvas", {
    tabIndex: 0,
    role: "application",
    "aria-label": words.drawing,
    "aria-roledescription": words.canvas,
  });
  // The front ends' graph undo hears keys before any listener of ours, and leaves alone what goes
  // to a field for text: 1.47 asks for the type, 1.58 whether it can be edited.
  Object.defineProperty(surface, "type", { value: "textarea" });
  Object.defineProperty(surface, "isContentEditable", { value: true });
  const split = make("input", {
    type: "range",
    class: "ie-split",
    ...{ min: "0", max: "1", step: "0.005" },
    title: words.result,
    "aria-label": words.result,
    oninput: (/** @type {any} */ event) => {
      editor.split = Number(event.target.value);
      editor.face.redraw();
    },
  });
  const hint = make("div", { class: "ie-hint" });
  const status = make("div", { class: "ie-status", role: "status", "aria-live": "polite" });
  const held = { class: "ie-stage", "data-capture-wheel": "true" };
  const stage = make("div", held, surface, hint, split);
  const toolbar = makeToolbar(editor);
  return { surface, split, hint, status, stage, toolbar, list: makeList(editor) };
}

export class EditorView {
  /** @param {Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.life = new AbortController();
    /** @type {AbortController | null} of the elements as they are built now */
    this.built = null;
    this.layer = document.createElement("canvas");
    /** @type {import("./analysis.js").Report | null} */
    this.report = null;
    this.frame = 0;
    this.timer = 0;
    this.saidUntil = 0;
    this.home = make("div", { class: "ie-home" });
    this.root = make("div", { class: "ie-canvas" });
    this.home.append(this.root);
    const parts = makeParts(editor);
    this.surface = parts.surface;
    this.split = parts.split;
    this.hint = parts.hint;
    this.stage = parts.stage;
    this.status = parts.status;
    this.toolbar = parts.toolbar;
    this.list = parts.list;
    this.observer = new ResizeObserver(() => this.measure());
    this.join();
  }

  /** Make the elements anew, in the editor's language as it is now. */
  build() {
    Object.assign(this, makeParts(this.editor));
    this.join();
  }

  /** Put the elements together, and listen to them. */
  join() {
    const { editor } = this;
    this.built?.abort();
    this.built = new AbortController();
    const { signal } = this.built;
    this.root.replaceChildren(
      this.toolbar.element,
      make("div", { class: "ie-body" }, this.stage, this.list.element),
      this.status,
    );
    listenToPointer(editor, this.surface, signal);
    listenToKeys(editor, this.surface, signal);
    listenToClipboard(editor, signal);
    listenToFiles(editor, this.stage, signal);
    for (const name of ["pointerdown", "pointermove", "pointerup", "keydown", "keyup", "dblclick"])
      this.root.addEventListener(name, (event) => this.keep(event), { signal });
    this.root.addEventListener("click", (event) => this.giveBackFocus(event), { signal });
    this.observer.disconnect();
    this.observer.observe(this.stage);
  }

  /**
   * After a press of a button the keys are the canvas' again: Ctrl+Z at a button would be the
   * graph's. Whoever walks the buttons by keys stays there.
   *
   * @param {MouseEvent} event
   */
  giveBackFocus(event) {
    const button = /** @type {Element} */ (event.target).closest("button");
    const left = document.activeElement === button || document.activeElement === document.body;
    if (button && event.detail > 0 && left) this.editor.focus();
  }

  /**
   * Events of the buttons and fields stay here: Delete in a field must not remove the node. What
   * is meant for the front end, such as Ctrl+Enter, goes on.
   *
   * @param {Event} event
   */
  keep(event) {
    const command = event instanceof KeyboardEvent && (event.ctrlKey || event.metaKey);
    if (!command && event.target !== this.surface) event.stopPropagation();
  }

  measure() {
    const { clientWidth, clientHeight } = this.stage;
    if (clientWidth > 0 && clientHeight > 0) this.editor.setArea([clientHeight, clientWidth]);
  }

  /** Draw everything anew: something of the canvas changed. */
  refresh() {
    const { editor } = this;
    const [height, width] = editor.size;
    this.root.style.setProperty("--ie-aspect", String(width / height));
    this.toolbar.update();
    this.list.update();
    const empty = editor.store.canvas.instances.length === 0;
    const { problem } = editor.store;
    this.hint.textContent = problem
      ? filled(editor.words.unreadable, { problem })
      : !editor.picture
        ? editor.words[editor.host.isLinked() ? "linkedPicture" : "noPicture"]
        : empty
          ? editor.words.none
          : "";
    this.split.classList.toggle("ie-shown", editor.showResult);
    if (!this.timer) this.timer = window.setTimeout(() => this.analyse(), PATIENCE_MS);
    this.redraw();
  }

  analyse() {
    this.timer = 0;
    const { editor } = this;
    if (this.life.signal.aborted) return;
    this.report = editor.analysis.report(editor.store.canvas, editor.size);
    if (Date.now() > this.saidUntil) this.status.replaceChildren(...this.findings());
    this.redraw();
  }

  /** @returns {HTMLElement[]} the validator's words, those of the selected instance first */
  findings() {
    const { editor, report } = this;
    if (!report) return [];
    const { words, store } = editor;
    const taking = store.canvas.instances.filter((one) => !one.muted);
    const selected = taking.findIndex((one) => one.id === store.selectedId) + 1;
    const first = report.findings.filter(({ numbers }) => numbers.includes(selected));
    const others = report.findings.filter(({ numbers }) => !numbers.includes(selected));
    const texts = [...first, ...others].map((finding) => findingText(words, finding));
    if (editor.approximate) texts.unshift(words.approximate);
    if (taking.some((one) => one.seed !== null) && !editor.host.seedsAct())
      texts.unshift(words.noNoise);
    const { rows, columns } = report.grid;
    const grid = filled(words.grid, { rows, columns, owned: report.covered });
    const fine = texts.length === 0 && taking.length > 0 ? `. ${words.ok}` : "";
    return [
      make("span", {}, grid + fine),
      ...texts.map((text) => make("span", { class: "ie-find" }, text)),
    ];
  }

  /** @param {string} text shown for some seconds */
  say(text) {
    this.saidUntil = Date.now() + SAID_MS;
    this.status.replaceChildren(make("span", { class: "ie-find" }, text));
    window.setTimeout(() => this.analyse(), SAID_MS + PATIENCE_MS);
  }

  redraw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { editor, surface } = this;
    const ratio = Math.max(1, window.devicePixelRatio) * (editor.isFull ? 1 : 1.5);
    const [height, width] = editor.area.map((side) => Math.round(side * ratio));
    if (surface.width !== width) surface.width = width;
    if (surface.height !== height) surface.height = height;
    const context = surface.getContext("2d");
    if (!context) return;
    draw(
      context,
      {
        canvas: editor.store.canvas,
        selected: editor.store.selectedId,
        guests: [...editor.store.guests, ...editor.ghosts],
        size: editor.size,
        view: editor.view,
        picture: editor.picture,
        result: editor.showResult ? editor.result : null,
        split: editor.split,
        brightness: editor.brightness,
        report: editor.showCells ? this.report : null,
        draft: editor.draft?.shape ?? null,
        taking: editor.draft?.taking ?? false,
        decoder: editor.decoder,
        layer: this.layer,
      },
      ratio,
    );
    this.drawBrush(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  drawBrush(context) {
    const { editor } = this;
    if (!editor.hover || !["brush", "eraser"].includes(editor.toolName)) return;
    context.beginPath();
    const radius = editor.radius * Math.min(...editor.size) * editor.view.scale;
    context.arc(...editor.hover, radius, 0, 2 * Math.PI);
    context.lineWidth = 1.5;
    context.strokeStyle = "#000";
    context.stroke();
    context.setLineDash([4, 4]);
    context.strokeStyle = "#fff";
    context.stroke();
    context.setLineDash([]);
  }

  destroy() {
    this.life.abort();
    this.built?.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.timer);
    this.root.remove();
  }
}
