/** Ties a node of the graph to its canvas: value, size, picture, life. */

import { bringPicture } from "../ui/drop.js";
import { Editor } from "../ui/editor.js";
import { chain, tellTracker } from "./hooks.js";
import { loraFiles } from "./loras.js";
import { hasInstanceNoise } from "./noise.js";
import { PictureSource } from "./picture.js";

const VALUE = "canvas";
const WIDGET = "instance_canvas";
const MARGIN = 10;
const LEAST_WIDTH = 380;
/** Heights of what is above and below the drawing area, as in canvas.css. */
const CHROME = { tools: 60, list: 172, status: 50, gaps: 16 };

/** @type {WeakMap<object, Editor>} */
const editors = new WeakMap();
/** @type {Set<{editor: Editor, node: any, source: PictureSource}>} those whose nodes are there */
const alive = new Set();

/** When Nodes 2.0 may have made the parts of the page that a node needs. */
const MOUNTED_MS = [0, 50, 300, 1000];

/**
 * Nodes 2.0 keeps the parts of the page that it made for a node of an id, with its element in them,
 * when another node of that id is shown: of a graph that was loaded anew, or of a subgraph. The
 * element of the node that is there now goes in that place.
 *
 * @param {any} app
 */
export function takePlaces(app) {
  for (const wait of MOUNTED_MS)
    window.setTimeout(() => {
      for (const { editor, node } of alive) {
        if (node.graph !== app.canvas?.graph) continue;
        const place = document.querySelector(`[data-node-id="${node.id}"] .ie-home`);
        if (place && place !== editor.element) place.replaceWith(editor.element);
      }
    }, wait);
}

/** @param {any} node @returns {Editor | null} */
export function canvasOf(node) {
  return (node && typeof node === "object" && editors.get(node)) || null;
}

/** @param {(editor: Editor, node: any) => void} act */
export function forEachCanvas(act) {
  for (const { editor, node } of alive) act(editor, node);
}

/** @param {any} node */
export function openCanvas(node) {
  const editor = canvasOf(node);
  if (editor && !editor.isFull) editor.toggleFull();
}

/**
 * @param {any} node that was just made; its id and value come later
 * @param {any} app
 * @param {any} api
 * @param {string | undefined} locale
 */
export function attachCanvas(node, app, api, locale) {
  const value = node.widgets.find((/** @type {any} */ one) => one.name === VALUE);
  hide(value);
  const source = new PictureSource(node, app, api, (picture, approximate) =>
    editor.setPicture(picture, approximate),
  );
  const editor = new Editor(
    {
      write: (text) => writeValue(app, node, value, text),
      upload: (file) => source.upload(file),
      isLinked: () => source.isLinked(),
      choosePicture: () => source.choose((file) => void bringPicture(editor, file)),
      passOn: (event) => passToGraph(app, event),
      resized: () => resize(node),
      loras: loraFiles,
      seedsAct: () => hasInstanceNoise(app.rootGraph ?? app.graph),
    },
    locale,
  );
  const entry = { editor, node, source };
  editors.set(node, editor);
  alive.add(entry);
  addWidget(node, editor, value);
  chain(node, "onConfigure", () => {
    editor.load(value.value);
    source.refresh();
  });
  chain(node, "onConnectionsChange", () => {
    source.refresh();
    editor.face.refresh();
  });
  chain(node, "onExecuted", (/** @type {any} */ output) => {
    const [told] = output?.instance_edit_canvas ?? [];
    if (!told) return;
    source.executed(told.picture);
    editor.setImported(told.imported ?? []);
  });
  chain(node, "onAdded", () => takePlaces(app));
  chain(node, "onRemoved", () => {
    alive.delete(entry);
    editor.destroy();
  });
  chain(value, "callback", () => editor.load(value.value));
  editor.element.addEventListener("pointerenter", () => editor.load(value.value));
  editor.load(value.value);
  source.refresh();
}

/**
 * The text is kept by its widget, which is not shown: not by the classic renderer (`hidden`), nor
 * by Nodes 2.0 (`options.hidden`).
 *
 * @param {any} widget
 */
function hide(widget) {
  widget.hidden = true;
  widget.options.hidden = true;
  widget.computeSize = () => [0, -4];
}

/**
 * @param {any} node
 * @param {Editor} editor
 * @param {any} value
 */
function addWidget(node, editor, value) {
  const height = () => heightFor(node.size[0], editor.size) + 2 * MARGIN;
  const widget = node.addDOMWidget(WIDGET, "INSTANCE_CANVAS", editor.element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    selectOn: [],
    getMinHeight: height,
    getMaxHeight: height,
    getValue: () => value.value,
    setValue: () => {},
  });
  widget.serialize = false;
  widget.label = editor.words.canvas; // App Mode shows it
  node.setSize([Math.max(node.size[0], LEAST_WIDTH), node.computeSize()[1]]);
}

/**
 * Height of the canvas in a node of that width: a matter of the width and the picture alone, so
 * that nothing grows by being drawn.
 *
 * @param {number} width
 * @param {import("../model/schema.js").Size} size
 */
export function heightFor(width, [tall, wide]) {
  const inner = Math.max(width, LEAST_WIDTH) - 2 * MARGIN;
  const aspect = Math.min(Math.max(wide / tall, 0.625), 2.5);
  const { tools, list, status, gaps } = CHROME;
  return Math.round(inner / aspect) + tools + list + status + gaps;
}

/**
 * As high as the canvas needs, once the picture's shape is known; a node keeps its width.
 *
 * @param {any} node
 */
function resize(node) {
  if (!editors.has(node)) return;
  const [width, height] = node.computeSize();
  if (Math.abs(node.size[1] - height) > 1) node.setSize([Math.max(node.size[0], width), height]);
  node.graph?.setDirtyCanvas?.(true, true);
}

/**
 * Keep the text, and tell the change tracker: after a captured drag no mouseup reaches it.
 *
 * @param {any} app
 * @param {any} node
 * @param {any} value
 * @param {string} text
 */
function writeValue(app, node, value, text) {
  value.value = text;
  node.graph?.setDirtyCanvas?.(true, true);
  tellTracker(app);
}

/**
 * Wheel, middle button and right click over the canvas are the graph's while it has no focus.
 * Nodes 2.0 hears them by itself as they bubble.
 *
 * @param {any} app
 * @param {Event} event
 */
function passToGraph(app, event) {
  /** @type {any} */
  const bare = window;
  if (bare.LiteGraph?.vueNodesMode) return;
  const graph = app.canvas;
  if (event.type === "wheel") graph.processMouseWheel(event);
  else if (event.type === "pointerdown") graph.processMouseDown(event);
  else if (event.type === "pointermove") graph.processMouseMove(event);
  else if (event.type === "pointerup") graph.processMouseUp(event);
  else if (event.type === "contextmenu") graph.processContextMenu?.(canvasNode(event), event);
}

/** @param {Event} event @returns {any} */
function canvasNode(event) {
  for (const { editor, node } of alive)
    if (editor.element.contains(/** @type {Node} */ (event.target))) return node;
  return null;
}
