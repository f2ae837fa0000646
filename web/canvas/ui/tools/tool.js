/**
 * What every tool is told. A tool keeps what it draws to itself until the pointer goes up.
 *
 * @typedef {import("../../model/schema.js").Point} Point
 * @typedef {import("../../model/schema.js").Shape} Shape
 * @typedef {{at: Point, shift: boolean, alt: boolean, erasing: boolean, double: boolean}} Press
 * `at` in fractions, perhaps outside of the picture; `erasing`: the other end of a pen
 * @typedef {object} Tool
 * @property {(press: Press) => void} down
 * @property {(press: Press) => void} move while the pointer is down
 * @property {(press: Press) => void} up
 * @property {() => void} cancel
 * @property {(press: Press) => string} hover returns the CSS cursor
 * @property {(key: string) => boolean} [key] whether it took the key
 *
 * @typedef {object} Board what a tool may do
 * @property {import("../../model/store.js").Store} store
 * @property {import("../../model/schema.js").Size} size of the picture
 * @property {number} radius of the brush, as a share of the shorter side
 * @property {(from: Point, to: Point) => number} distance on the screen, in CSS pixels
 * @property {(point: Point) => string[]} pile ids under a point, the uppermost first
 * @property {(shape: Shape | null, taking?: boolean) => void} setDraft
 * @property {(shape: Shape, press: Press) => void} place
 * @property {(shape: Shape) => void} paint
 * @property {(id: string) => void} typeIn
 */

import { clamp } from "../../shapes/geometry.js";

/** Pixels that the pointer may move during a click. */
export const STILL = 4;
export const REACH = 9;

/** @param {Point} point @returns {Point} within the picture */
export function within([x, y]) {
  return [clamp(x, 0, 1), clamp(y, 0, 1)];
}
