/** Changes of a canvas; each returns a new one and leaves the old as it was. */

import { movedShapes } from "../shapes/transform.js";
import { freeId, makeInstance } from "./schema.js";

/** @typedef {import("./schema.js").Canvas} Canvas */
/** @typedef {import("./schema.js").Instance} Instance */
/** @typedef {import("./schema.js").Shape} Shape */

const BESIDE = 0.02;

/** @param {Canvas} canvas @param {string | null} id */
export function findInstance(canvas, id) {
  return canvas.instances.find((one) => one.id === id) ?? null;
}

/**
 * @param {Canvas} canvas
 * @param {Partial<Instance>} given
 * @returns {{canvas: Canvas, id: string}}
 */
export function addInstance(canvas, given) {
  const id = freeId(canvas.instances);
  const instances = [...canvas.instances, makeInstance({ ...given, id })];
  return { canvas: { ...canvas, instances }, id };
}

/**
 * @param {Canvas} canvas
 * @param {string} id
 * @param {Partial<Instance>} changes
 * @returns {Canvas}
 */
export function changeInstance(canvas, id, changes) {
  const instances = canvas.instances.map((one) => (one.id === id ? { ...one, ...changes } : one));
  return { ...canvas, instances };
}

/** @param {Canvas} canvas @param {string} id @returns {Canvas} */
export function removeInstance(canvas, id) {
  return { ...canvas, instances: canvas.instances.filter((one) => one.id !== id) };
}

/**
 * The instance at another place in the order.
 *
 * @param {Canvas} canvas
 * @param {string} id
 * @param {number} place 0-based
 * @returns {Canvas}
 */
export function reorderInstance(canvas, id, place) {
  const moved = canvas.instances.filter((one) => one.id === id);
  const instances = canvas.instances.filter((one) => one.id !== id);
  instances.splice(Math.min(Math.max(place, 0), instances.length), 0, ...moved);
  return { ...canvas, instances };
}

/**
 * Copies with ids of their own, a little beside what is there already, behind all others.
 *
 * @param {Canvas} canvas
 * @param {Instance[]} copied
 * @returns {{canvas: Canvas, id: string | null}} the last one's id
 */
export function pasteInstances(canvas, copied) {
  /** @type {string | null} */
  let id = null;
  for (const one of copied) {
    const there = canvas.instances.some((other) => sameShapes(other, one));
    const shapes = there ? movedShapes(one.shapes, BESIDE, BESIDE) : one.shapes;
    ({ canvas, id } = addInstance(canvas, { ...one, shapes, locked: false, hidden: false }));
  }
  return { canvas, id };
}

/** @param {Instance} a @param {Instance} b */
function sameShapes(a, b) {
  return JSON.stringify(a.shapes) === JSON.stringify(b.shapes);
}

/** @param {Canvas} canvas @param {string} id @param {Shape} shape @returns {Canvas} */
export function addShape(canvas, id, shape) {
  const instance = findInstance(canvas, id);
  return instance ? changeInstance(canvas, id, { shapes: [...instance.shapes, shape] }) : canvas;
}

/**
 * One shape put in the place of another; null takes it away.
 *
 * @param {Canvas} canvas
 * @param {string} id
 * @param {number} place
 * @param {Shape | null} shape
 * @returns {Canvas}
 */
export function putShape(canvas, id, place, shape) {
  const instance = findInstance(canvas, id);
  if (!instance) return canvas;
  const shapes = [...instance.shapes];
  shapes.splice(place, 1, ...(shape ? [shape] : []));
  return changeInstance(canvas, id, { shapes });
}

/**
 * The instance with all its shapes moved together, no further than the picture's edge.
 *
 * @param {Canvas} canvas
 * @param {string} id
 * @param {number} dx
 * @param {number} dy
 * @returns {Canvas}
 */
export function moveInstance(canvas, id, dx, dy) {
  const instance = findInstance(canvas, id);
  if (!instance || instance.locked) return canvas;
  return changeInstance(canvas, id, { shapes: movedShapes(instance.shapes, dx, dy) });
}
