/**
 * Shapes as pixels, exactly as Python draws them: a pixel is covered if its centre lies in a shape.
 * The order of the operations is that of Python, so that rounding is the same.
 */

/** @typedef {import("../model/schema.js").Point} Point */
/** @typedef {import("../model/schema.js").Shape} Shape */
/** @typedef {import("../model/schema.js").Size} Size */
/** @typedef {{width: number, height: number, values: Uint8Array | Uint8ClampedArray}} Grey */
/** @typedef {(png: string) => Grey | null} Decode null while it is not decoded yet */

export const LONGEST = 2048;

/**
 * Pixels in which shapes are drawn: the picture's, scaled down where it is very large.
 *
 * @param {Size} size
 * @param {Shape[]} shapes
 * @param {Decode} decode
 * @returns {Size}
 */
export function rasterSize([height, width], shapes, decode) {
  const longer = Math.max(height, width);
  const painted = shapes.some((shape) => {
    const grey = shape.kind === "mask" ? decode(shape.png) : null;
    return grey !== null && grey.height === height && grey.width === width;
  });
  if (longer <= LONGEST || painted) return [height, width];
  const scaled = (/** @type {number} */ side) =>
    Math.max(1, Math.floor((side * LONGEST) / longer + 0.5));
  return [scaled(height), scaled(width)];
}

/**
 * The shapes one after the other: adding takes the larger value, subtracting leaves the rest.
 *
 * @param {Shape[]} shapes
 * @param {Size} size pixels
 * @param {Decode} decode
 * @returns {Uint8Array} row after row, 0 .. 255
 */
export function rasterise(shapes, size, decode) {
  const drawn = new Uint8Array(size[0] * size[1]);
  for (const shape of shapes) {
    if (shape.kind === "mask") paintMask(drawn, size, shape, decode);
    else paintHard(drawn, size, shape);
  }
  return drawn;
}

/**
 * @param {Uint8Array} drawn
 * @param {Size} size
 * @param {import("../model/schema.js").MaskShape} shape
 * @param {Decode} decode
 */
function paintMask(drawn, [height, width], shape, decode) {
  const grey = decode(shape.png);
  if (!grey) return;
  for (let row = 0; row < height; row += 1) {
    const line = Math.floor(((row + 0.5) * grey.height) / height) * grey.width;
    for (let column = 0; column < width; column += 1) {
      const value = grey.values[line + Math.floor(((column + 0.5) * grey.width) / width)];
      const at = row * width + column;
      drawn[at] =
        shape.op === "add" ? Math.max(drawn[at], value) : Math.min(drawn[at], 255 - value);
    }
  }
}

/**
 * @param {Uint8Array} drawn
 * @param {Size} size
 * @param {Exclude<Shape, import("../model/schema.js").MaskShape>} shape
 */
function paintHard(drawn, size, shape) {
  const value = shape.op === "add" ? 255 : 0;
  const fill = (/** @type {number} */ row, /** @type {number} */ from, /** @type {number} */ to) =>
    drawn.fill(value, row * size[1] + from, row * size[1] + Math.max(from, to));
  if (shape.kind === "box") fillBox(shape.box, size, fill);
  else if (shape.kind === "polygon") fillPolygon(shape.points, size, fill);
  else fillStroke(shape, size, fill);
}

/** @typedef {(row: number, from: number, to: number) => void} Fill columns from .. to - 1 */

/**
 * @param {import("../model/schema.js").Corners} box
 * @param {Size} size
 * @param {Fill} fill
 */
function fillBox([x1, y1, x2, y2], [height, width], fill) {
  const from = firstFrom(x1 * width, width);
  const to = firstFrom(x2 * width, width);
  const last = firstFrom(y2 * height, height);
  for (let row = firstFrom(y1 * height, height); row < last; row += 1) fill(row, from, to);
}

/**
 * The first pixel whose centre is at `edge` or beyond it.
 *
 * @param {number} edge in pixels
 * @param {number} count
 */
function firstFrom(edge, count) {
  let pixel = Math.max(0, Math.ceil(edge - 0.5) - 1);
  while (pixel < count && pixel + 0.5 < edge) pixel += 1;
  return Math.min(pixel, count);
}

/** @param {Point[]} points @param {Size} size @param {Fill} fill */
function fillPolygon(points, [height, width], fill) {
  const scaled = points.map(([x, y]) => [x * width, y * height]);
  for (let row = 0; row < height; row += 1) {
    const cy = row + 0.5;
    /** @type {number[]} */
    const crossings = [];
    scaled.forEach(([xa, ya], n) => {
      const [xb, yb] = scaled[(n + 1) % scaled.length];
      if (ya <= cy !== yb <= cy) crossings.push(((cy - ya) * (xb - xa)) / (yb - ya) + xa);
    });
    crossings.sort((a, b) => a - b);
    for (let n = 0; n + 1 < crossings.length; n += 2)
      fill(row, firstFrom(crossings[n], width), firstFrom(crossings[n + 1], width));
  }
}

/**
 * @param {import("../model/schema.js").StrokeShape} shape
 * @param {Size} size
 * @param {Fill} fill
 */
function fillStroke(shape, [height, width], fill) {
  const radius = shape.radius * Math.min(height, width);
  const scaled = shape.points.map(([x, y]) => [x * width, y * height]);
  const starts = scaled.length > 1 ? scaled.slice(0, -1) : scaled;
  starts.forEach((a, n) => {
    const b = scaled[Math.min(n + 1, scaled.length - 1)];
    const top = Math.max(0, Math.floor(Math.min(a[1], b[1]) - radius) - 1);
    const bottom = Math.min(height, Math.ceil(Math.max(a[1], b[1]) + radius) + 1);
    const left = Math.max(0, Math.floor(Math.min(a[0], b[0]) - radius) - 1);
    const right = Math.min(width, Math.ceil(Math.max(a[0], b[0]) + radius) + 1);
    for (let row = top; row < bottom; row += 1) {
      let from = left;
      while (from < right && !near(from + 0.5, row + 0.5, a, b, radius)) from += 1;
      let to = right;
      while (to > from && !near(to - 0.5, row + 0.5, a, b, radius)) to -= 1;
      fill(row, from, to);
    }
  });
}

/**
 * @param {number} cx
 * @param {number} cy
 * @param {number[]} a
 * @param {number[]} b
 * @param {number} radius
 */
function near(cx, cy, [xa, ya], [xb, yb], radius) {
  const [dx, dy] = [xb - xa, yb - ya];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : ((cx - xa) * dx + (cy - ya) * dy) / square;
  const t = Math.min(Math.max(along, 0), 1);
  const [ex, ey] = [xa + t * dx - cx, ya + t * dy - cy];
  return ex * ex + ey * ey <= radius * radius;
}

/**
 * Wider by so many pixels on every side, in a square.
 *
 * @param {Uint8Array} drawn
 * @param {Size} size
 * @param {number} pixels
 * @returns {Uint8Array}
 */
export function grown(drawn, [height, width], pixels) {
  if (pixels === 0) return drawn;
  const across = new Uint8Array(drawn.length);
  for (let row = 0; row < height; row += 1) widest(drawn, across, row * width, 1, width, pixels);
  const result = new Uint8Array(drawn.length);
  for (let column = 0; column < width; column += 1)
    widest(across, result, column, width, height, pixels);
  return result;
}

/**
 * The largest value within `pixels` on either side, along one line.
 *
 * @param {Uint8Array} from
 * @param {Uint8Array} to
 * @param {number} start
 * @param {number} step
 * @param {number} count
 * @param {number} pixels
 */
function widest(from, to, start, step, count, pixels) {
  /** @type {number[]} */
  const queue = []; // places of falling values, the first is the largest of the window
  let head = 0;
  for (let n = 0; n < count + pixels; n += 1) {
    if (n < count) {
      const value = from[start + n * step];
      while (queue.length > head && from[start + queue[queue.length - 1] * step] <= value)
        queue.pop();
      queue.push(n);
    }
    const middle = n - pixels;
    if (middle < 0) continue;
    while (queue[head] < middle - pixels) head += 1;
    to[start + middle * step] = from[start + queue[head] * step];
  }
}
