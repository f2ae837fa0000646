/** Which cells of the model's token grid an instance owns, rounded exactly as in mask_ops. */

import { grown, rasterise, rasterSize } from "./raster.js";

/** @typedef {import("../model/schema.js").Corners} Corners */
/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {import("../model/schema.js").Size} Size */
/** @typedef {import("./raster.js").Decode} Decode */
/**
 * @typedef {object} Grid
 * @property {number} rows
 * @property {number} columns
 * @property {[number, number]} extent rows and columns of cells that the picture really spans
 */
/**
 * @typedef {object} Owned
 * @property {Uint8Array} cells row after row, 1 where the instance owns a cell
 * @property {number} count of the owned cells
 * @property {number} area in cells, before rounding
 * @property {Float64Array | null} share of each cell that is covered; null for a box
 * @property {Corners | null} box where the instance is one box
 * @property {number | null} faint share of a soft mask that is left out; null for a hard one
 */

export const HALF = 0.5;
const KEPT = 0.5;
export const TOUCH = 1e-6;
const ROUNDING = 1e-6;
const CELL = 16;
const LATENT = 8;

/**
 * The grid of a picture: 16 pixels a cell, of what the VAE keeps of it.
 *
 * @param {Size} size
 * @returns {Grid}
 */
export function gridOf(size) {
  const [tall, wide] = size.map((side) => (Math.max(1, Math.floor(side / LATENT)) * LATENT) / CELL);
  return { rows: Math.ceil(tall), columns: Math.ceil(wide), extent: [tall, wide] };
}

/**
 * @param {Instance} instance
 * @param {Size} size of the picture
 * @param {Grid} grid
 * @param {Decode} decode
 * @param {Size} [counted] pixels that `grow` counts in; default: the picture's
 * @returns {Owned}
 */
export function ownedCells(instance, size, grid, decode, counted = size) {
  const box = singleBox(instance, counted);
  if (box) return ownedByBox(box, grid);
  const raster = rasterSize(size, instance.shapes, decode);
  const pixels = Math.floor((instance.grow * raster[0]) / counted[0] + 0.5);
  const drawn = grown(rasterise(instance.shapes, raster, decode), raster, pixels);
  return ownedByMask(drawn, raster, grid);
}

/**
 * The box of an instance that is one box and nothing else, grown.
 *
 * @param {Instance} instance
 * @param {Size} size
 * @returns {Corners | null}
 */
export function singleBox({ shapes, grow }, [height, width]) {
  const [shape] = shapes;
  if (shapes.length !== 1 || shape.kind !== "box" || shape.op !== "add") return null;
  const [across, down] = [grow / width, grow / height];
  const [x1, y1, x2, y2] = shape.box;
  if (x2 <= x1 || y2 <= y1) return null;
  return [
    Math.max(x1 - across, 0),
    Math.max(y1 - down, 0),
    Math.min(x2 + across, 1),
    Math.min(y2 + down, 1),
  ];
}

/**
 * Every cell that a box touches.
 *
 * @param {Corners} box
 * @param {Grid} grid
 * @returns {Owned}
 */
function ownedByBox(box, { rows, columns, extent }) {
  const [x1, y1, x2, y2] = box;
  const [top, bottom] = touched(y1, y2, extent[0], rows);
  const [left, right] = touched(x1, x2, extent[1], columns);
  const cells = new Uint8Array(rows * columns);
  for (let row = top; row < bottom; row += 1)
    cells.fill(1, row * columns + left, row * columns + right);
  const area = (x2 - x1) * (y2 - y1) * extent[0] * extent[1];
  return { cells, count: sum(cells), area, share: null, box, faint: null };
}

/**
 * First and last + 1 of the cells that a box touches along one axis.
 *
 * @param {number} start
 * @param {number} stop
 * @param {number} extent
 * @param {number} count
 */
function touched(start, stop, extent, count) {
  const first = Math.min(Math.floor(start * extent + ROUNDING), count - 1);
  const last = Math.ceil(stop * extent - ROUNDING);
  return [first, Math.min(Math.max(last, first + 1), count)];
}

/**
 * Cells that a mask covers by half; a thin or small one keeps every cell that it touches.
 *
 * @param {Uint8Array} drawn
 * @param {Size} size
 * @param {Grid} grid
 * @returns {Owned}
 */
export function ownedByMask(drawn, size, grid) {
  const inside = insideOf(drawn);
  const share = coverage(inside, size, grid);
  const half = share.map((value) => (value >= HALF - TOUCH ? 1 : 0));
  const area = sum(share);
  const thin = area > 0 && keptShare(share, half) < KEPT;
  const cells = Uint8Array.from(thin ? share.map((value) => (value > TOUCH ? 1 : 0)) : half);
  return { cells, count: sum(cells), area, share, box: null, faint: leftOut(drawn, inside) };
}

/**
 * Share of the area that lies in the given cells; 1 for an empty mask.
 *
 * @param {Float64Array} share
 * @param {ArrayLike<number>} cells
 */
export function keptShare(share, cells) {
  const area = sum(share);
  return area > 0 ? share.reduce((kept, value, n) => kept + value * cells[n], 0) / area : 1;
}

/**
 * A mask cut at the middle of its own range of values.
 *
 * @param {Uint8Array} drawn
 */
function insideOf(drawn) {
  let [low, high] = [255, 0];
  for (const value of drawn) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const middle = (low + high) / 2;
  return drawn.map((value) => (value >= middle && value > 0 ? 1 : 0));
}

/**
 * Share of a soft mask's values that lies outside of where it is cut; null for a hard mask.
 *
 * @param {Uint8Array} drawn
 * @param {Uint8Array} inside
 */
function leftOut(drawn, inside) {
  let [all, kept, soft] = [0, 0, false];
  drawn.forEach((value, n) => {
    all += value;
    kept += value * inside[n];
    soft ||= value > 0 && value < 255;
  });
  return soft ? 1 - kept / all : null;
}

/**
 * Mean of a mask over each cell's part of the picture (exact area average).
 *
 * @param {Uint8Array} inside
 * @param {Size} size
 * @param {Grid} grid
 */
function coverage(inside, [height, width], { rows, columns, extent }) {
  const down = weights(height, rows, extent[0]);
  const across = weights(width, columns, extent[1]);
  const share = new Float64Array(rows * columns);
  for (const [pixelRow, parts] of down.entries()) {
    const line = lineCoverage(inside, pixelRow * width, across, columns);
    for (const [row, weight] of parts)
      for (let column = 0; column < columns; column += 1)
        share[row * columns + column] += weight * line[column];
  }
  return share;
}

/**
 * @param {Uint8Array} inside
 * @param {number} start
 * @param {[number, number][][]} across
 * @param {number} columns
 */
function lineCoverage(inside, start, across, columns) {
  const line = new Float64Array(columns);
  for (let x = 0; x < across.length; x += 1)
    if (inside[start + x]) for (const [column, weight] of across[x]) line[column] += weight;
  return line;
}

/**
 * Per pixel, the cells in which it lies and its share of each one's part of the picture.
 *
 * @param {number} pixels
 * @param {number} cells
 * @param {number} extent
 * @returns {[number, number][][]}
 */
function weights(pixels, cells, extent) {
  const step = extent / pixels;
  const totals = new Float64Array(cells);
  const found = Array.from({ length: pixels }, (_, pixel) => {
    /** @type {[number, number][]} */
    const parts = [];
    const [left, right] = [pixel * step, pixel * step + step];
    for (let cell = Math.floor(left); cell < Math.min(right, cells); cell += 1) {
      const overlap = Math.min(right, cell + 1) - Math.max(left, cell);
      if (overlap <= 0) continue;
      parts.push([cell, overlap]);
      totals[cell] += overlap;
    }
    return parts;
  });
  return found.map((parts) => parts.map(([cell, overlap]) => [cell, overlap / totals[cell]]));
}

/** @param {ArrayLike<number>} values */
function sum(values) {
  let total = 0;
  for (let n = 0; n < values.length; n += 1) total += values[n];
  return total;
}
