/** Tools that draw a shape: box, lasso, polygon, brush and eraser. */

import { cornersOf, simplified } from "../../shapes/geometry.js";
import { gripUnder, selectTool } from "./select.js";
import { REACH, STILL, within } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Point} Point */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */

const FINE = 0.7;

/**
 * A tool that draws by dragging. A click without a drag selects, handles can be taken hold of.
 *
 * @param {Board} board
 * @param {(from: Press, press: Press) => import("./tool.js").Shape | null} shapeOf
 * @param {() => void} begin
 * @returns {Tool}
 */
function dragTool(board, shapeOf, begin) {
  const select = selectTool(board);
  /** @type {Press | null} */
  let from = null;
  let selecting = false;
  return {
    down(press) {
      selecting = gripUnder(board, press) !== null || press.double;
      if (selecting) return select.down(press);
      from = press;
      begin();
    },
    move(press) {
      if (selecting) return select.move(press);
      if (from) board.setDraft(shapeOf(from, press), press.alt);
    },
    up(press) {
      if (selecting) return select.up(press);
      const start = from;
      from = null;
      board.setDraft(null);
      if (!start) return;
      const shape = board.distance(start.at, press.at) > STILL ? shapeOf(start, press) : null;
      if (shape) return board.place(shape, press);
      select.down(start);
      select.up(press);
    },
    cancel() {
      from = null;
      select.cancel();
      board.setDraft(null);
    },
    hover: (press) => (gripUnder(board, press) ? select.hover(press) : "crosshair"),
  };
}

/** @param {Board} board @returns {Tool} */
export function boxTool(board) {
  return dragTool(
    board,
    (from, press) => {
      const box = cornersOf(from.at, press.at);
      return box[2] > box[0] && box[3] > box[1] ? { kind: "box", op: "add", box } : null;
    },
    () => {},
  );
}

/** @param {Board} board @returns {Tool} */
export function lassoTool(board) {
  /** @type {Point[]} */
  let points = [];
  const shapeOf = (/** @type {Press} */ from, /** @type {Press} */ press) => {
    const next = within(press.at);
    const last = points.at(-1) ?? within(from.at);
    if (points.length === 0) points = [last];
    if (board.distance(last, next) > 1) points = [...points, next];
    const kept = thinned(board, points);
    /** @type {import("./tool.js").Shape | null} */
    const shape = kept.length > 2 ? { kind: "polygon", op: "add", points: kept } : null;
    return shape;
  };
  const tool = dragTool(board, shapeOf, () => {
    points = [];
  });
  return {
    ...tool,
    // A lasso ends where it began: that is no click.
    up(press) {
      const long = points.length > 2;
      const shape = long ? shapeOf(press, press) : null;
      if (!shape) return tool.up(press);
      tool.cancel();
      points = [];
      board.place(shape, press);
    },
  };
}

/**
 * Without the points that lie within a fraction of a pixel of the line.
 *
 * @param {Board} board
 * @param {Point[]} points
 */
function thinned(board, points) {
  const [height, width] = board.size;
  const pixel = board.distance([0, 0], [1 / width, 0]);
  const scaled = points.map(([x, y]) => /** @type {Point} */ ([x * width, y * height]));
  return simplified(scaled, FINE / Math.max(pixel, 1e-6)).map(
    ([x, y]) => /** @type {Point} */ ([x / width, y / height]),
  );
}

/** @param {Board} board @returns {Tool} */
export function polygonTool(board) {
  const select = selectTool(board);
  /** @type {Point[]} */
  let points = [];
  let selecting = false;
  const show = (/** @type {Point[]} */ shown, /** @type {boolean} */ taking) =>
    board.setDraft(shown.length > 1 ? { kind: "polygon", op: "add", points: shown } : null, taking);
  const end = (/** @type {Press} */ press) => {
    const drawn = points;
    points = [];
    board.setDraft(null);
    if (drawn.length > 2) board.place({ kind: "polygon", op: "add", points: drawn }, press);
  };
  return {
    down(press) {
      selecting = points.length === 0 && gripUnder(board, press) !== null;
      if (selecting) return select.down(press);
      const closes = points.length > 2 && board.distance(points[0], press.at) <= REACH;
      if (closes || (press.double && points.length > 2)) return end(press);
      if (!press.double) points = [...points, within(press.at)];
      show(points, press.alt);
    },
    move(press) {
      if (selecting) select.move(press);
    },
    up(press) {
      if (selecting) select.up(press);
    },
    cancel() {
      points = [];
      select.cancel();
      board.setDraft(null);
    },
    hover(press) {
      if (points.length === 0 && gripUnder(board, press)) return select.hover(press);
      if (points.length > 0) show([...points, within(press.at)], press.alt);
      return "crosshair";
    },
    key(key) {
      if (points.length === 0) return false;
      if (key === "Enter")
        end({ at: points[0], shift: false, alt: false, erasing: false, double: false });
      else if (key === "Backspace") show((points = points.slice(0, -1)), false);
      else return false;
      return true;
    },
  };
}

/**
 * Strokes go to the selected instance; the eraser's take away.
 *
 * @param {Board} board
 * @param {boolean} erasing
 * @returns {Tool}
 */
export function brushTool(board, erasing) {
  /** @type {Point[]} */
  let points = [];
  /** @returns {import("./tool.js").Shape} */
  const stroke = (/** @type {Press} */ press) => ({
    kind: "stroke",
    op: erasing || press.erasing || press.alt ? "subtract" : "add",
    points: points.length > 2 ? thinned(board, points) : points,
    radius: board.radius,
  });
  return {
    down(press) {
      points = [within(press.at)];
      board.setDraft(stroke(press), stroke(press).op === "subtract");
    },
    move(press) {
      const next = within(press.at);
      const last = points.at(-1);
      if (!last) return;
      if (board.distance(last, next) > 1) points = [...points, next];
      board.setDraft(stroke(press), stroke(press).op === "subtract");
    },
    up(press) {
      if (points.length === 0) return;
      const shape = stroke(press);
      points = [];
      board.setDraft(null);
      board.paint(shape);
    },
    cancel() {
      points = [];
      board.setDraft(null);
    },
    hover: () => "none",
  };
}
