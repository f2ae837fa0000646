/** One canvas: its state, what its tools and buttons do to it, and its elements. */

import { findInstance } from "../model/edits.js";
import { Store } from "../model/store.js";
import { fitted, toPixel } from "../model/viewport.js";
import { clamp, covers } from "../shapes/geometry.js";
import { pileAt } from "../shapes/pick.js";
import { wordsOf } from "../words/words.js";
import { Analysis } from "./analysis.js";
import { Decoder } from "./decoder.js";
import { EditorView } from "./editor_view.js";
import { openFullScreen } from "./full_screen.js";
import { openImportDialog } from "./import_dialog.js";
import { boxTool, brushTool, lassoTool, polygonTool } from "./tools/draw_tools.js";
import { selectTool } from "./tools/select.js";
import { placeNothing, placeShape, placeStroke } from "./placing.js";
import { openTypeIn } from "./type_in.js";

/** @typedef {import("../model/schema.js").Point} Point */
/** @typedef {import("../model/schema.js").Shape} Shape */
/** @typedef {import("../model/schema.js").Size} Size */
/** @typedef {import("./tools/tool.js").Press} Press */
/** @typedef {"select" | "box" | "lasso" | "polygon" | "brush" | "eraser"} ToolName */
/**
 * @typedef {object} Host what the node does for its canvas
 * @property {(text: string) => void} write keep the canvas' text
 * @property {(file: File) => Promise<boolean>} upload whether ComfyUI took the picture
 * @property {() => boolean} isLinked whether the picture comes from another node
 * @property {() => void} choosePicture
 * @property {(event: Event) => void} passOn a pointer or wheel event that is the graph's
 * @property {() => void} resized the picture has another shape
 * @property {() => string[]} loras files of LoRAs to choose from
 * @property {() => boolean} seedsAct whether a node gives instances noise of their own
 */

/** @type {Size} of a picture that is not known yet */
const BLANK = [768, 1024];

export class Editor {
  /** @param {Host} host @param {string | undefined} locale */
  constructor(host, locale) {
    this.host = host;
    this.words = wordsOf(locale);
    this.store = new Store((text) => host.write(text));
    this.decoder = new Decoder(() => {
      this.analysis.forget();
      this.face.refresh();
    });
    this.analysis = new Analysis(this.decoder.decode);
    this.radius = 0.03;
    this.brightness = 1;
    this.showCells = true;
    this.showResult = false;
    this.split = 0.5;
    this.panning = false;
    /** @type {"new" | "add" | "subtract"} */
    this.mode = "new";
    /** @type {ToolName} */
    this.toolName = "box";
    /** @type {HTMLImageElement | null} */
    this.picture = null;
    this.approximate = false;
    /** @type {HTMLImageElement | null} */
    this.result = null;
    /** @type {import("../model/schema.js").Instance[]} seen before they are imported */
    this.ghosts = [];
    /** @type {{shape: Shape, taking: boolean} | null} */
    this.draft = null;
    /** @type {Point | null} */
    this.hover = null;
    /** @type {Size} of the drawing area in CSS pixels */
    this.area = [300, 400];
    this.isFitted = true;
    /** @type {{close: () => void} | null} */
    this.full = null;
    this.tools = {
      select: selectTool(this),
      box: boxTool(this),
      lasso: lassoTool(this),
      polygon: polygonTool(this),
      brush: brushTool(this, false),
      eraser: brushTool(this, true),
    };
    this.view = fitted(BLANK, this.area);
    this.face = new EditorView(this);
    this.store.listeners.add(() => this.face.refresh());
    this.face.refresh();
  }

  get element() {
    return this.face.home;
  }

  /** @returns {Size} height and width of the picture in pixels */
  get size() {
    if (this.picture?.naturalWidth) return [this.picture.naturalHeight, this.picture.naturalWidth];
    return this.store.canvas.size ?? BLANK;
  }

  get tool() {
    return this.tools[this.toolName];
  }

  get isFull() {
    return this.full !== null;
  }

  /** @param {unknown} text of the widget */
  load(text) {
    const before = this.size;
    this.store.load(text);
    if (String(before) !== String(this.size)) this.newSize();
  }

  /** @param {HTMLImageElement | null} picture @param {boolean} approximate */
  setPicture(picture, approximate) {
    this.picture = picture;
    this.approximate = approximate;
    this.newSize();
  }

  newSize() {
    this.isFitted = true;
    this.view = fitted(this.size, this.area);
    this.host.resized();
    this.face.refresh();
  }

  /** @param {import("../model/schema.js").Instance[]} imported */
  setImported(imported) {
    this.store.imported = imported;
    this.store.tell();
  }

  /** @param {string | undefined} locale */
  setLocale(locale) {
    this.words = wordsOf(locale);
    this.face.build();
    this.face.refresh();
  }

  /** @param {ToolName} name */
  setTool(name) {
    this.tool.cancel();
    this.toolName = name;
    this.face.refresh();
  }

  /** @param {number} radius */
  setRadius(radius) {
    this.radius = clamp(radius, 0.004, 0.25);
    this.face.refresh();
  }

  /**
   * @param {Partial<Pick<Editor, "mode" | "brightness" | "showCells" | "showResult" | "split" |
   *   "panning" | "hover" | "ghosts" | "result">>} changes of what is shown; the canvas is the store's
   */
  change(changes) {
    Object.assign(this, changes);
    this.face.refresh();
  }

  fit() {
    this.isFitted = true;
    this.view = fitted(this.size, this.area);
    this.face.redraw();
  }

  /** @param {import("../model/viewport.js").Viewport} view */
  setView(view) {
    this.view = view;
    this.isFitted = view.scale === fitted(this.size, this.area).scale;
    this.face.redraw();
  }

  /** @param {Size} area */
  setArea(area) {
    this.area = area;
    if (this.isFitted) this.view = fitted(this.size, area);
    this.face.redraw();
  }

  /** @param {Point | null} place in CSS pixels */
  setHover(place) {
    this.hover = place;
    this.face.redraw();
  }

  /** @param {Shape | null} shape @param {boolean} [taking] */
  setDraft(shape, taking = this.mode === "subtract") {
    this.draft = shape && { shape, taking };
    this.face.redraw();
  }

  /** @param {Point} from @param {Point} to */
  distance(from, to) {
    const [a, b] = [from, to].map((point) => toPixel(this.view, this.size, point));
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  /** @param {Point} point */
  pile(point) {
    return pileAt(this.store.canvas.instances, ({ shapes }) =>
      covers(shapes, point, this.size, (mask, at) => this.maskAt(mask, at)),
    );
  }

  /** @param {import("../model/schema.js").MaskShape} mask @param {Point} point */
  maskAt(mask, [x, y]) {
    const grey = this.decoder.decode(mask.png);
    if (!grey || x < 0 || y < 0 || x >= 1 || y >= 1) return false;
    const row = Math.floor(y * grey.height) * grey.width;
    return grey.values[row + Math.floor(x * grey.width)] > 127;
  }

  /** @param {Shape} shape @param {Press} press */
  place(shape, press) {
    placeShape(this, shape, press);
  }

  /** @param {Shape} shape */
  paint(shape) {
    placeStroke(this, shape);
  }

  addInstance() {
    placeNothing(this);
  }

  /** @param {string | null} id */
  typeIn(id) {
    const instance = findInstance(this.store.canvas, id);
    if (!instance) return;
    if (instance.locked) this.say(this.words.locked);
    else openTypeIn(this, this.face.stage, instance.id);
  }

  /** Let go: of what is drawn, then of the selection, then of the focus. */
  escape() {
    const busy = this.draft !== null || this.store.draft !== null;
    this.tool.cancel();
    if (busy) return;
    if (this.store.selectedId) this.store.select(null);
    else if (this.full) this.full.close();
    else this.face.surface.blur();
  }

  /** @param {string} text */
  say(text) {
    this.face.say(text);
  }

  /** @param {string} text */
  openImport(text) {
    openImportDialog(this, text);
  }

  toggleFull() {
    if (this.full) return this.full.close();
    const { words } = this;
    const changed = () => {
      if (!this.face.root.closest("dialog")) this.full = null;
      this.face.refresh();
    };
    const titles = { title: words.canvas, close: words.close };
    this.full = openFullScreen(this.face.root, this.face.home, titles, changed);
    this.face.refresh();
    this.focus();
  }

  hasFocus() {
    return this.face.root.contains(document.activeElement);
  }

  focus() {
    this.face.surface.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  passOn(event) {
    if (!this.full) this.host.passOn(event);
  }

  destroy() {
    this.full?.close();
    this.face.destroy();
  }
}
