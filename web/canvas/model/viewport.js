/** Where the picture lies in the drawing area: its scale and its corner, in CSS pixels. */

import { clamp } from "../shapes/geometry.js";

/** @typedef {import("./schema.js").Point} Point */
/** @typedef {import("./schema.js").Size} Size */
/** @typedef {{scale: number, x: number, y: number}} Viewport */

const CLOSEST = 32;

/**
 * The whole picture in the middle.
 *
 * @param {Size} picture height, width in pixels
 * @param {Size} area
 * @returns {Viewport}
 */
export function fitted([height, width], [tall, wide]) {
  const scale = Math.max(Math.min(tall / height, wide / width), 1e-6);
  return { scale, x: (wide - width * scale) / 2, y: (tall - height * scale) / 2 };
}

/**
 * Zoomed around a place that stays where it is; not smaller than the whole picture.
 *
 * @param {Viewport} view
 * @param {number} factor
 * @param {Point} around CSS pixels
 * @param {Size} picture
 * @param {Size} area
 * @returns {Viewport}
 */
export function zoomed(view, factor, around, picture, area) {
  const whole = fitted(picture, area);
  const scale = clamp(view.scale * factor, whole.scale, CLOSEST);
  if (scale === whole.scale) return whole;
  const ratio = scale / view.scale;
  const x = around[0] - (around[0] - view.x) * ratio;
  const y = around[1] - (around[1] - view.y) * ratio;
  return panned({ scale, x, y }, 0, 0, picture, area);
}

/**
 * Moved, as far as some of the picture stays in sight.
 *
 * @param {Viewport} view
 * @param {number} dx
 * @param {number} dy
 * @param {Size} picture
 * @param {Size} area
 * @returns {Viewport}
 */
export function panned(view, dx, dy, picture, area) {
  const kept = (/** @type {number} */ at, /** @type {0 | 1} */ axis) => {
    const length = picture[axis] * view.scale;
    const margin = Math.min(length, area[axis]) / 2;
    return clamp(at, margin - length, area[axis] - margin);
  };
  return { ...view, x: kept(view.x + dx, 1), y: kept(view.y + dy, 0) };
}

/** @param {Viewport} view @param {Size} picture @param {Point} pixel @returns {Point} fractions */
export function toFraction(view, [height, width], [x, y]) {
  return [(x - view.x) / (width * view.scale), (y - view.y) / (height * view.scale)];
}

/** @param {Viewport} view @param {Size} picture @param {Point} point @returns {Point} CSS pixels */
export function toPixel(view, [height, width], [x, y]) {
  return [view.x + x * width * view.scale, view.y + y * height * view.scale];
}
