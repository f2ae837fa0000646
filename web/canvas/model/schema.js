/** The canvas as text: JSON of version 1, coordinates as fractions of the picture. */

/** @typedef {[number, number]} Point x and y, 0 .. 1 */
/** @typedef {[number, number, number, number]} Corners x1, y1, x2, y2, 0 .. 1 */
/** @typedef {"add" | "subtract"} Op */
/** @typedef {{kind: "box", op: Op, box: Corners}} BoxShape */
/** @typedef {{kind: "polygon", op: Op, points: Point[]}} PolygonShape closed by itself */
/**
 * @typedef {{kind: "stroke", op: Op, points: Point[], radius: number}} StrokeShape a round brush;
 * the radius is a share of the picture's shorter side
 */
/** @typedef {{kind: "mask", op: Op, png: string}} MaskShape an 8-bit grey PNG in base64 */
/** @typedef {BoxShape | PolygonShape | StrokeShape | MaskShape} Shape */
/**
 * @typedef {{file: string, image?: number, text?: number, ring?: number, sha256?: string}} Lora
 * strengths on the instance's tokens of the picture and of its instruction
 */
/**
 * @typedef {object} Instance
 * @property {string} id unique, never shown
 * @property {string} instruction
 * @property {string} label
 * @property {Shape[]} shapes each covers or uncovers what came before
 * @property {string | null} color "#rrggbb"; null: the palette's colour of its number
 * @property {number} strength
 * @property {number} start
 * @property {number} end
 * @property {number} grow pixels
 * @property {number | null} reference
 * @property {number | object | null} seed an object where it is too large for a number
 * @property {Lora[]} loras
 * @property {boolean} hidden not drawn on the canvas
 * @property {boolean} locked
 * @property {boolean} muted takes no part in the run
 */
/** @typedef {[number, number]} Size height and width in pixels */
/** @typedef {{version: 1, size: Size | null, instances: Instance[]}} Canvas */
/** @typedef {{canvas: Canvas, problem: null} | {canvas: null, problem: string}} Parsed */

export const DIGITS = 5;
export const VERSION = 1;

const DEFAULTS = {
  instruction: "",
  label: "",
  shapes: [],
  color: null,
  strength: 1,
  start: 0,
  end: 1,
  grow: 0,
  reference: null,
  seed: null,
  loras: [],
  hidden: false,
  locked: false,
  muted: false,
};

/** @returns {Canvas} */
export function emptyCanvas() {
  return { version: VERSION, size: null, instances: [] };
}

/**
 * An instance with everything that is not given at its neutral value.
 *
 * @param {Partial<Instance> & {id: string}} given
 * @returns {Instance}
 */
export function makeInstance(given) {
  return { ...DEFAULTS, ...given };
}

/**
 * An id that no instance has yet.
 *
 * @param {{id: string}[]} instances
 */
export function freeId(instances) {
  const taken = new Set(instances.map((one) => one.id));
  let number = instances.length + 1;
  while (taken.has(`a${number}`)) number += 1;
  return `a${number}`;
}

/**
 * Read the text of a canvas. Keys that are not known are kept: Python says what is wrong with them.
 *
 * @param {unknown} text
 * @returns {Parsed}
 */
export function parseCanvas(text) {
  if (text === "" || text === null || text === undefined)
    return { canvas: emptyCanvas(), problem: null };
  try {
    const read = JSON.parse(String(text), keepLargeNumber);
    const problem = faultOf(read);
    return problem === null ? { canvas: completed(read), problem } : { canvas: null, problem };
  } catch (error) {
    return { canvas: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A seed may have 64 bits, which a number cannot hold: its own text is kept.
 *
 * @param {string} _key
 * @param {any} value
 * @param {{source?: string}} [context]
 */
function keepLargeNumber(_key, value, context) {
  const raw = /** @type {any} */ (JSON).rawJSON;
  const large = Number.isInteger(value) && !Number.isSafeInteger(value);
  return large && raw && context?.source ? raw(context.source) : value;
}

/**
 * What keeps a value from being a canvas; null if nothing does.
 *
 * @param {any} read
 * @returns {string | null}
 */
function faultOf(read) {
  if (typeof read !== "object" || read === null) return "not an object";
  if (read.version !== VERSION) return `version ${JSON.stringify(read.version)}`;
  if (!Array.isArray(read.instances)) return "no instances";
  for (const [n, one] of read.instances.entries()) {
    if (typeof one !== "object" || one === null || !Array.isArray(one.shapes))
      return `instance ${n + 1}: no shapes`;
    if (!one.shapes.every(isShape)) return `instance ${n + 1}: a shape of no known kind`;
  }
  return null;
}

/** @param {any} shape */
function isShape(shape) {
  const numbers = (/** @type {any} */ list) => Array.isArray(list) && list.every(Number.isFinite);
  const points = (/** @type {any} */ list) =>
    Array.isArray(list) && list.every((p) => numbers(p) && p.length === 2);
  if (shape?.op !== "add" && shape?.op !== "subtract") return false;
  if (shape.kind === "box") return numbers(shape.box) && shape.box.length === 4;
  if (shape.kind === "polygon") return points(shape.points) && shape.points.length > 2;
  if (shape.kind === "stroke")
    return points(shape.points) && shape.points.length > 0 && shape.radius > 0;
  return shape.kind === "mask" && typeof shape.png === "string";
}

/** @param {any} read @returns {Canvas} */
function completed(read) {
  const known = new Set(read.instances.map((/** @type {any} */ one) => one.id));
  let number = 0;
  const free = () => {
    do number += 1;
    while (known.has(`a${number}`));
    return `a${number}`;
  };
  const instances = read.instances.map((/** @type {any} */ one) =>
    makeInstance({ ...one, id: one.id ?? free() }),
  );
  return { ...read, size: read.size ?? null, instances };
}

/**
 * The text of a canvas: coordinates have five digits, what is neutral is left out.
 *
 * @param {Canvas} canvas
 */
export function formatCanvas(canvas) {
  const instances = canvas.instances.map(({ id, instruction, shapes, ...more }) => {
    const told = Object.entries(more).filter(([key, value]) => !isNeutral(key, value));
    return { id, instruction, shapes: shapes.map(roundedShape), ...Object.fromEntries(told) };
  });
  return JSON.stringify({ ...canvas, instances });
}

/** @param {string} key @param {unknown} value */
function isNeutral(key, value) {
  const neutral = /** @type {Record<string, unknown>} */ (DEFAULTS)[key];
  return key in DEFAULTS && JSON.stringify(value) === JSON.stringify(neutral);
}

/** @param {number} value */
export function rounded(value) {
  return Math.round(value * 10 ** DIGITS) / 10 ** DIGITS;
}

/**
 * @template {Shape} S
 * @param {S} shape
 * @returns {S}
 */
export function roundedShape(shape) {
  if (shape.kind === "mask") return shape;
  if (shape.kind === "box") return { ...shape, box: shape.box.map(rounded) };
  const points = shape.points.map((point) => point.map(rounded));
  return shape.kind === "stroke"
    ? { ...shape, points, radius: rounded(shape.radius) }
    : { ...shape, points };
}

/**
 * The numbers that are shown: those of the instances that take part, 1-based; null for muted ones.
 *
 * @param {Instance[]} instances
 * @returns {(number | null)[]}
 */
export function shownNumbers(instances) {
  let number = 0;
  return instances.map((one) => (one.muted ? null : (number += 1)));
}
