/** Where shapes are: bounds, distances, what lies under a point. */

/** @typedef {import("../model/schema.js").Corners} Corners */
/** @typedef {import("../model/schema.js").Point} Point */
/** @typedef {import("../model/schema.js").Shape} Shape */

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/**
 * The corners around the shapes' points; null without any. A mask's are the whole picture.
 *
 * @param {Shape[]} shapes
 * @returns {Corners | null}
 */
export function boundsOf(shapes) {
  const points = shapes.flatMap(pointsOf);
  if (points.length === 0) return null;
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const least = (/** @type {number[]} */ list) => list.reduce((a, b) => Math.min(a, b));
  const most = (/** @type {number[]} */ list) => list.reduce((a, b) => Math.max(a, b));
  return [least(xs), least(ys), most(xs), most(ys)];
}

/** @param {Shape} shape @returns {Point[]} */
export function pointsOf(shape) {
  if (shape.kind === "mask")
    return [
      [0, 0],
      [1, 1],
    ];
  if (shape.kind !== "box") return shape.points;
  const [x1, y1, x2, y2] = shape.box;
  return [
    [x1, y1],
    [x2, y2],
  ];
}

/**
 * A box from two opposite corners, within the picture.
 *
 * @param {Point} a
 * @param {Point} b
 * @returns {Corners}
 */
export function cornersOf(a, b) {
  const [ax, ay, bx, by] = [...a, ...b].map((value) => clamp(value, 0, 1));
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

/**
 * Even-odd rule.
 *
 * @param {Point[]} points
 * @param {Point} point
 */
export function insidePolygon(points, [x, y]) {
  let inside = false;
  points.forEach(([xa, ya], n) => {
    const [xb, yb] = points[(n + 1) % points.length];
    if (ya <= y !== yb <= y && x < ((y - ya) * (xb - xa)) / (yb - ya) + xa) inside = !inside;
  });
  return inside;
}

/**
 * Distance of a point from a segment, and the nearest point on it.
 *
 * @param {Point} p
 * @param {Point} a
 * @param {Point} b
 * @returns {{distance: number, nearest: Point}}
 */
export function toSegment(p, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : clamp(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square, 0, 1);
  /** @type {Point} */
  const nearest = [a[0] + t * dx, a[1] + t * dy];
  return { distance: Math.hypot(p[0] - nearest[0], p[1] - nearest[1]), nearest };
}

/**
 * Least distance of a point from a line through several.
 *
 * @param {Point} p
 * @param {Point[]} points
 */
export function toPolyline(p, points) {
  if (points.length === 1) return toSegment(p, points[0], points[0]).distance;
  return points
    .slice(1)
    .reduce((least, b, n) => Math.min(least, toSegment(p, points[n], b).distance), Infinity);
}

/**
 * Whether the shapes, one after the other, cover a point. Masks are asked by `maskAt`.
 *
 * @param {Shape[]} shapes
 * @param {Point} point fractions
 * @param {import("../model/schema.js").Size} size of the picture
 * @param {(shape: import("../model/schema.js").MaskShape, point: Point) => boolean} maskAt
 */
export function covers(shapes, point, size, maskAt) {
  let covered = false;
  for (const shape of shapes) {
    if (shape.op === "add" ? covered : !covered) continue;
    if (isIn(shape, point, size, maskAt)) covered = shape.op === "add";
  }
  return covered;
}

/**
 * @param {Shape} shape
 * @param {Point} point
 * @param {import("../model/schema.js").Size} size
 * @param {(shape: import("../model/schema.js").MaskShape, point: Point) => boolean} maskAt
 */
export function isIn(shape, point, [height, width], maskAt) {
  if (shape.kind === "mask") return maskAt(shape, point);
  if (shape.kind === "polygon") return insidePolygon(shape.points, point);
  if (shape.kind === "box") {
    const [x1, y1, x2, y2] = shape.box;
    return x1 <= point[0] && point[0] < x2 && y1 <= point[1] && point[1] < y2;
  }
  const scaled = (/** @type {Point} */ [x, y]) => /** @type {Point} */ ([x * width, y * height]);
  const radius = shape.radius * Math.min(height, width);
  return toPolyline(scaled(point), shape.points.map(scaled)) <= radius;
}

/**
 * A line with the points left out that lie within a tolerance of it (Ramer, Douglas, Peucker).
 *
 * @param {Point[]} points
 * @param {number} tolerance
 * @returns {Point[]}
 */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Set([0, points.length - 1]);
  const ranges = [[0, points.length - 1]];
  while (ranges.length > 0) {
    const [first, last] = /** @type {[number, number]} */ (ranges.pop());
    let [worst, far] = [0, tolerance];
    for (let n = first + 1; n < last; n += 1) {
      const { distance } = toSegment(points[n], points[first], points[last]);
      if (distance > far) [worst, far] = [n, distance];
    }
    if (worst > 0) {
      kept.add(worst);
      ranges.push([first, worst], [worst, last]);
    }
  }
  return points.filter((_, n) => kept.has(n));
}
