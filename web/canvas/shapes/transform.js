/** Moved, scaled and reshaped shapes. Coordinates stay within 0 .. 1. */

import { boundsOf, clamp } from "./geometry.js";

/** @typedef {import("../model/schema.js").Corners} Corners */
/** @typedef {import("../model/schema.js").Point} Point */
/** @typedef {import("../model/schema.js").Shape} Shape */

/** Least width and height of a shape that is scaled, as a share of the picture. */
export const LEAST = 0.002;

/**
 * The shape with every point mapped.
 *
 * @template {Shape} S
 * @param {S} shape
 * @param {(point: Point) => Point} map
 * @returns {S}
 */
export function mapShape(shape, map) {
  const kept = (/** @type {Point} */ point) =>
    /** @type {Point} */ (map(point).map((value) => clamp(value, 0, 1)));
  if (shape.kind === "mask") return shape;
  if (shape.kind !== "box") return { ...shape, points: shape.points.map(kept) };
  const [x1, y1] = kept([shape.box[0], shape.box[1]]);
  const [x2, y2] = kept([shape.box[2], shape.box[3]]);
  return {
    ...shape,
    box: [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)],
  };
}

/**
 * How far shapes may move until one of them reaches the picture's edge.
 *
 * @param {Corners | null} bounds
 * @param {number} dx
 * @param {number} dy
 * @returns {Point}
 */
export function limitedMove(bounds, dx, dy) {
  if (!bounds) return [0, 0];
  const [x1, y1, x2, y2] = bounds;
  return [clamp(dx, -x1, 1 - x2), clamp(dy, -y1, 1 - y2)];
}

/**
 * @param {Shape[]} shapes
 * @param {number} dx
 * @param {number} dy
 * @returns {Shape[]} moved together
 */
export function movedShapes(shapes, dx, dy) {
  const [right, down] = limitedMove(boundsOf(shapes), dx, dy);
  return shapes.map((shape) => mapShape(shape, ([x, y]) => [x + right, y + down]));
}

/**
 * @param {Shape[]} shapes
 * @param {Corners} from
 * @param {Corners} to
 * @returns {Shape[]} as `from` becomes `to`; the brush's radius follows the mean of both scales
 */
export function scaledShapes(shapes, from, to) {
  const across = (to[2] - to[0]) / Math.max(from[2] - from[0], 1e-9);
  const down = (to[3] - to[1]) / Math.max(from[3] - from[1], 1e-9);
  return shapes.map((shape) => {
    const scaled = mapShape(shape, ([x, y]) => [
      to[0] + (x - from[0]) * across,
      to[1] + (y - from[1]) * down,
    ]);
    if (scaled.kind !== "stroke") return scaled;
    return { ...scaled, radius: clamp(scaled.radius * Math.sqrt(across * down), 1e-4, 1) };
  });
}

/**
 * Bounds with one of their eight handles at another place.
 *
 * @param {Corners} bounds
 * @param {import("./handles.js").Handle} handle
 * @param {Point} point
 * @param {boolean} keepAspect
 * @returns {Corners}
 */
export function resized(bounds, handle, point, keepAspect) {
  let [x1, y1, x2, y2] = bounds;
  if (handle.includes("w")) x1 = clamp(point[0], 0, x2 - LEAST);
  if (handle.includes("e")) x2 = clamp(point[0], x1 + LEAST, 1);
  if (handle.includes("n")) y1 = clamp(point[1], 0, y2 - LEAST);
  if (handle.includes("s")) y2 = clamp(point[1], y1 + LEAST, 1);
  if (keepAspect && handle.length === 2) {
    const [left, top, right, bottom] = bounds;
    const scale = Math.min((x2 - x1) / (right - left), (y2 - y1) / (bottom - top));
    const [wide, tall] = [(right - left) * scale, (bottom - top) * scale];
    if (handle.includes("w")) x1 = x2 - wide;
    else x2 = x1 + wide;
    if (handle.includes("n")) y1 = y2 - tall;
    else y2 = y1 + tall;
  }
  return [x1, y1, x2, y2];
}

/**
 * A polygon with one vertex at another place; with none, if only three would stay, unchanged.
 *
 * @param {Point[]} points
 * @param {number} place
 * @param {Point | null} point
 * @returns {Point[]}
 */
export function withVertex(points, place, point) {
  if (point === null && points.length <= 3) return points;
  const changed = [...points];
  changed.splice(place, 1, ...(point ? [point] : []));
  return changed;
}

/**
 * @param {Point[]} points
 * @param {number} place the new vertex goes before this one
 * @param {Point} point
 * @returns {Point[]}
 */
export function insertVertex(points, place, point) {
  return [...points.slice(0, place), point, ...points.slice(place)];
}
