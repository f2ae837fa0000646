/** What is drawn over the instances: cells, handles, the result beside the picture. */

import { withAlpha } from "../model/palette.js";
import { toPixel } from "../model/viewport.js";
import { boundsOf } from "../shapes/geometry.js";
import { HANDLES, handlePoint, hasVertices } from "../shapes/handles.js";

/** @typedef {import("./draw.js").Scene} Scene */
/** @typedef {CanvasRenderingContext2D} Context */

const HANDLE = 4;

/**
 * The cells that an instance will own, with a line around them.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {import("./analysis.js").Report} report
 * @param {string} id
 * @param {string} colour
 * @param {boolean} selected
 */
export function drawCells(context, scene, { grid, owned }, id, colour, selected) {
  const cells = owned.get(id)?.cells;
  if (!cells) return;
  const { rows, columns, extent } = grid;
  const corner = (/** @type {number} */ row, /** @type {number} */ column) =>
    toPixel(scene.view, scene.size, [column / extent[1], row / extent[0]]);
  const inside = (/** @type {number} */ row, /** @type {number} */ column) =>
    row >= 0 &&
    row < rows &&
    column >= 0 &&
    column < columns &&
    cells[row * columns + column] === 1;
  context.beginPath();
  const line = (/** @type {number[]} */ [r1, c1, r2, c2]) => {
    context.moveTo(...corner(r1, c1));
    context.lineTo(...corner(r2, c2));
  };
  context.fillStyle = withAlpha(colour, selected ? 0.16 : 0.08);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      if (!inside(row, column)) continue;
      const [x, y] = corner(row, column);
      const [right, bottom] = corner(row + 1, column + 1);
      context.fillRect(x, y, right - x, bottom - y);
      if (!inside(row - 1, column)) line([row, column, row, column + 1]);
      if (!inside(row + 1, column)) line([row + 1, column, row + 1, column + 1]);
      if (!inside(row, column - 1)) line([row, column, row + 1, column]);
      if (!inside(row, column + 1)) line([row, column + 1, row + 1, column + 1]);
    }
  context.lineWidth = selected ? 1.5 : 1;
  context.strokeStyle = withAlpha(colour, selected ? 1 : 0.7);
  context.stroke();
}

/**
 * Eight handles around the selected instance, and the vertices of its polygons.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {import("../model/schema.js").Shape[]} shapes
 */
export function drawGrip(context, scene, shapes) {
  const bounds = boundsOf(shapes);
  if (!bounds || shapes.some((shape) => shape.kind === "mask")) return;
  const at = (/** @type {import("../model/schema.js").Point} */ point) =>
    toPixel(scene.view, scene.size, point);
  context.lineWidth = 1;
  context.strokeStyle = "#1b1e26";
  context.fillStyle = "#ffffff";
  for (const handle of HANDLES) {
    const [x, y] = at(handlePoint(bounds, handle));
    context.fillRect(x - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE);
    context.strokeRect(x - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE);
  }
  for (const shape of shapes) {
    if (!hasVertices(shape) || shape.kind !== "polygon") continue;
    for (const point of shape.points) {
      context.beginPath();
      context.arc(...at(point), HANDLE, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}

/**
 * The result right of the split.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {HTMLImageElement} result
 */
export function drawResult(context, { view, size, split }, result) {
  const [x, y] = toPixel(view, size, [0, 0]);
  const [width, height] = [size[1] * view.scale, size[0] * view.scale];
  const [from] = toPixel(view, size, [split, 0]);
  context.save();
  context.beginPath();
  context.rect(from, y, x + width - from, height);
  context.clip();
  context.drawImage(result, x, y, width, height);
  context.restore();
  context.fillStyle = "#ffffff";
  context.fillRect(from - 1, y, 2, height);
}
