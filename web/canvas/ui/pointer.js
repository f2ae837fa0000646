/** Pointer, pen, touch and wheel on the drawing area, told to the tool that is chosen. */

import { toFraction, panned, zoomed } from "../model/viewport.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../model/schema.js").Point} Point */

const DOUBLE_MS = 350;
const DOUBLE_PIXELS = 8;
const PEN_ERASER = 32;
const WHEEL = 1.0015;

/**
 * Where the pointer is in CSS pixels of the element, however much the graph around it is scaled.
 *
 * @param {HTMLElement} element
 * @param {{clientX: number, clientY: number}} event
 * @returns {Point}
 */
export function localPoint(element, { clientX, clientY }) {
  const rect = element.getBoundingClientRect();
  const ratio = rect.width > 0 ? element.clientWidth / rect.width : 1;
  return [(clientX - rect.left) * ratio, (clientY - rect.top) * ratio];
}

/** @param {Editor} editor @param {HTMLCanvasElement} surface @param {AbortSignal} signal */
export function listenToPointer(editor, surface, signal) {
  const hands = new Hands(editor, surface);
  /** @type {[string, (event: any) => void][]} */
  const handlers = [
    ["pointerdown", (event) => hands.down(event)],
    ["pointermove", (event) => hands.move(event)],
    ["pointerup", (event) => hands.up(event)],
    ["pointercancel", (event) => hands.lost(event)],
    ["pointerleave", () => editor.setHover(null)],
    ["wheel", (event) => hands.wheel(event)],
    ["contextmenu", (/** @type {MouseEvent} */ event) => hands.menu(event)],
  ];
  for (const [name, handler] of handlers)
    surface.addEventListener(name, handler, { signal, passive: false });
}

class Hands {
  /** @param {Editor} editor @param {HTMLCanvasElement} surface */
  constructor(editor, surface) {
    this.editor = editor;
    this.surface = surface;
    /** @type {Map<number, Point>} fingers on the screen */
    this.touches = new Map();
    /** @type {"draw" | "pan" | "pinch" | "pass" | null} */
    this.doing = null;
    this.last = { at: /** @type {Point} */ ([-99, -99]), time: 0 };
    /** @type {Point} */
    this.place = [0, 0];
  }

  /** @param {PointerEvent} event @param {boolean} [double] */
  press(event, double = false) {
    const { editor } = this;
    const at = toFraction(editor.view, editor.size, localPoint(this.surface, event));
    const erasing = event.pointerType === "pen" && (event.buttons & PEN_ERASER) !== 0;
    return { at, shift: event.shiftKey, alt: event.altKey, erasing, double };
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { editor } = this;
    const inside = editor.hasFocus();
    const place = localPoint(this.surface, event);
    if (event.button === 1 && !inside) return this.pass(event);
    event.stopPropagation();
    event.preventDefault(); // no text is selected, no picture dragged
    this.surface.focus({ preventScroll: true });
    this.surface.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") this.touches.set(event.pointerId, place);
    this.place = place;
    if (this.touches.size === 2) {
      if (this.doing === "draw") editor.tool.cancel();
      this.doing = "pinch";
    } else if (event.button === 1 || editor.panning) this.doing = "pan";
    else if (event.button === 0 || event.button === 5) {
      this.doing = "draw";
      editor.tool.down(this.press(event, this.isDouble(place, event.timeStamp)));
    }
  }

  /** @param {Point} at @param {number} time */
  isDouble(at, time) {
    const near = Math.hypot(at[0] - this.last.at[0], at[1] - this.last.at[1]) < DOUBLE_PIXELS;
    const double = near && time - this.last.time < DOUBLE_MS;
    this.last = { at, time: double ? 0 : time };
    return double;
  }

  /** @param {PointerEvent} event the middle button moves the graph while the canvas has no focus */
  pass(event) {
    this.doing = "pass";
    this.editor.passOn(event);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { editor } = this;
    if (this.doing === "pass" && event.buttons === 0) this.doing = null; // the graph took it over
    if (this.doing === "pass") return editor.passOn(event);
    event.stopPropagation();
    const place = localPoint(this.surface, event);
    editor.setHover(event.pointerType === "touch" ? null : place);
    if (this.doing === "pinch") return this.pinch(event, place);
    if (this.doing === "pan")
      editor.setView(
        panned(
          editor.view,
          place[0] - this.place[0],
          place[1] - this.place[1],
          editor.size,
          editor.area,
        ),
      );
    else if (this.doing === "draw") editor.tool.move(this.press(event));
    else this.surface.style.cursor = editor.panning ? "grab" : editor.tool.hover(this.press(event));
    this.place = place;
  }

  /** Two fingers: the picture follows their middle and their distance. */
  pinch(/** @type {PointerEvent} */ event, /** @type {Point} */ place) {
    const { editor, touches } = this;
    const before = spanOf([...touches.values()]);
    touches.set(event.pointerId, place);
    const after = spanOf([...touches.values()]);
    const factor = after.length / Math.max(before.length, 1);
    const [dx, dy] = [after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]];
    const closer = zoomed(editor.view, factor, after.middle, editor.size, editor.area);
    editor.setView(panned(closer, dx, dy, editor.size, editor.area));
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (this.doing === "pass") this.editor.passOn(event);
    else event.stopPropagation();
    this.touches.delete(event.pointerId);
    const { doing } = this;
    this.doing = this.touches.size > 0 ? "pinch" : null;
    if (doing === "draw") this.editor.tool.up(this.press(event));
  }

  /** @param {PointerEvent} event */
  lost(event) {
    this.touches.delete(event.pointerId);
    if (this.doing === "draw") this.editor.tool.cancel();
    this.doing = null;
  }

  /** @param {WheelEvent} event over the canvas without focus it is the graph's */
  wheel(event) {
    const { editor } = this;
    if (!editor.hasFocus()) return editor.passOn(event);
    event.preventDefault();
    event.stopPropagation();
    const around = localPoint(this.surface, event);
    const factor = WHEEL ** -event.deltaY;
    editor.setView(zoomed(editor.view, factor, around, editor.size, editor.area));
  }

  /** @param {MouseEvent} event the browser's menu stays away; a right click ends a polygon */
  menu(event) {
    event.preventDefault();
    if (this.editor.tool.key?.("Enter")) event.stopPropagation();
    else this.editor.passOn(event);
  }
}

/** @param {Point[]} points */
function spanOf([a, b]) {
  return {
    length: Math.hypot(b[0] - a[0], b[1] - a[1]),
    middle: /** @type {Point} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]),
  };
}
