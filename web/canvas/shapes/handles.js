/** Handles of what is selected: eight around it, a polygon's vertices and the middles between. */

import { boundsOf, toSegment } from "./geometry.js";

/** @typedef {import("../model/schema.js").Corners} Corners */
/** @typedef {import("../model/schema.js").Point} Point */
/** @typedef {import("../model/schema.js").Shape} Shape */
/** @typedef {"nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w"} Handle */
/** @typedef {{kind: "bounds", handle: Handle}} BoundsGrip */
/** @typedef {{kind: "vertex", shape: number, vertex: number}} VertexGrip */
/** @typedef {{kind: "edge", shape: number, vertex: number, at: Point}} EdgeGrip */
/** @typedef {BoundsGrip | VertexGrip | EdgeGrip} Grip */

/** @type {Handle[]} */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** @param {Corners} bounds @param {Handle} handle @returns {Point} */
export function handlePoint([x1, y1, x2, y2], handle) {
  const x = handle.includes("w") ? x1 : handle.includes("e") ? x2 : (x1 + x2) / 2;
  const y = handle.includes("n") ? y1 : handle.includes("s") ? y2 : (y1 + y2) / 2;
  return [x, y];
}

/**
 * Whether a polygon has few enough points that each is shown as a vertex.
 *
 * @param {Shape} shape
 */
export function hasVertices(shape) {
  return shape.kind === "polygon" && shape.points.length <= 60;
}

/**
 * What the pointer takes hold of; null: nothing.
 *
 * @param {Shape[]} shapes of the selected instance
 * @param {Point} pointer
 * @param {(from: Point, to: Point) => number} distance on the screen, in pixels
 * @param {number} reach in pixels
 * @returns {Grip | null}
 */
export function gripAt(shapes, pointer, distance, reach) {
  /** @type {{grip: Grip, away: number}[]} */
  const found = [];
  shapes.forEach((shape, n) => {
    if (!hasVertices(shape) || shape.kind !== "polygon") return;
    shape.points.forEach((point, vertex) =>
      found.push({ grip: { kind: "vertex", shape: n, vertex }, away: distance(point, pointer) }),
    );
  });
  const bounds = boundsOf(shapes);
  if (bounds && !shapes.some((shape) => shape.kind === "mask"))
    for (const handle of HANDLES) {
      const away = distance(handlePoint(bounds, handle), pointer);
      found.push({ grip: { kind: "bounds", handle }, away: away + 0.5 });
    }
  const near = found.filter(({ away }) => away <= reach).sort((a, b) => a.away - b.away);
  return near[0]?.grip ?? edgeAt(shapes, pointer, distance, reach / 2);
}

/**
 * @param {Shape[]} shapes
 * @param {Point} pointer
 * @param {(from: Point, to: Point) => number} distance
 * @param {number} reach
 * @returns {EdgeGrip | null}
 */
function edgeAt(shapes, pointer, distance, reach) {
  for (const [n, shape] of shapes.entries()) {
    if (!hasVertices(shape) || shape.kind !== "polygon") continue;
    const { points } = shape;
    for (let vertex = 0; vertex < points.length; vertex += 1) {
      const next = points[(vertex + 1) % points.length];
      const { nearest } = toSegment(pointer, points[vertex], next);
      if (distance(nearest, pointer) <= reach)
        return { kind: "edge", shape: n, vertex: vertex + 1, at: nearest };
    }
  }
  return null;
}

/** @param {Grip | null} grip @returns {string} the CSS cursor */
export function cursorOf(grip) {
  if (!grip) return "";
  if (grip.kind === "vertex") return "pointer";
  if (grip.kind === "edge") return "copy";
  return { n: "ns", s: "ns", e: "ew", w: "ew", nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw" }[
    grip.handle
  ].concat("-resize");
}
