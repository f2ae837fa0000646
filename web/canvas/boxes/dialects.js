/** How four numbers mean a box: their order and units, as mask_ops/dialects.py reads them. */

/** @typedef {"xyxy" | "xywh" | "yxyx" | "cxcywh"} Order */
/** @typedef {"pixels" | "0..1" | "0..1000"} Units */
/** @typedef {{order: Order, units: Units}} Dialect */
/** @typedef {import("../model/schema.js").Corners} Corners */
/** @typedef {import("../model/schema.js").Size} Size */
/**
 * @typedef {object} RawBox
 * @property {number[]} numbers 4, or x and y of every corner of a polygon
 * @property {Dialect | null} dialect what its form says; null where that is not enough
 * @property {string} text its words
 * @property {boolean} named whether the form names each number
 */

/** @type {Order[]} */
const ORDERS = ["xyxy", "xywh", "yxyx", "cxcywh"];
/** @type {Units[]} */
const UNITS = ["pixels", "0..1", "0..1000"];
export const AS_LABELLED = "as labelled";
export const DIALECTS = [
  AS_LABELLED,
  ...ORDERS.flatMap((order) => UNITS.map((units) => `${order} ${units}`)),
];
const OVERHANG = 0.02;

/** A fault of pasted boxes; the code has words in every language. */
export class BoxFault extends Error {
  /**
   * @param {string} code
   * @param {Record<string, string | number>} [values]
   */
  constructor(code, values = {}) {
    super(`${code} ${JSON.stringify(values)}`);
    this.code = code;
    this.values = values;
  }
}

/** @param {string} name @returns {Dialect | null} null for "as labelled" */
export function findDialect(name) {
  if (name === AS_LABELLED) return null;
  const [order, units] = name.split(" ");
  return /** @type {Dialect} */ ({ order, units });
}

/**
 * @param {RawBox} raw
 * @param {Dialect | null} chosen null: as the form says
 * @param {Size} size pixels of the picture that it was drawn on
 * @param {number} number 1-based
 * @returns {Corners}
 */
export function readBox(raw, chosen, [height, width], number) {
  const dialect = agreed(raw, chosen, number);
  const said = { box: number, numbers: raw.numbers.map(shown).join(", ") };
  const named = { ...said, dialect: `${dialect.order} ${dialect.units}` };
  if (!raw.numbers.every(Number.isFinite)) throw new BoxFault("numbers", said);
  const [across, down] = { pixels: [width, height], "0..1": [1, 1], "0..1000": [1000, 1000] }[
    dialect.units
  ];
  if (Math.max(...raw.numbers.map(Math.abs)) <= 1 && Math.min(across, down) > 1)
    throw new BoxFault("fractions", named);
  const [x1, y1, x2, y2] = corners(raw.numbers, dialect.order);
  if (x2 <= x1 || y2 <= y1) throw new BoxFault("empty box", named);
  /** @type {Corners} */
  const box = [x1 / across, y1 / down, x2 / across, y2 / down];
  if (Math.min(...box) < -OVERHANG || Math.max(...box) > 1 + OVERHANG)
    throw new BoxFault("outside", { ...named, size: `${width} × ${height}` });
  const kept = /** @type {Corners} */ (box.map((value) => Math.min(Math.max(value, 0), 1)));
  if (kept[2] <= kept[0] || kept[3] <= kept[1]) throw new BoxFault("outside", named);
  return kept;
}

/**
 * The dialect to read a box in: the chosen one, where its form leaves that open.
 *
 * @param {RawBox} raw
 * @param {Dialect | null} chosen
 * @param {number} number
 * @returns {Dialect}
 */
function agreed(raw, chosen, number) {
  if (chosen === null) {
    if (raw.dialect) return raw.dialect;
    throw new BoxFault("ambiguous", { box: number, numbers: raw.numbers.map(shown).join(", ") });
  }
  if (!raw.named || !raw.dialect) return chosen;
  const centred = raw.dialect.order === "xywh" && chosen.order === "cxcywh";
  return { order: centred ? "cxcywh" : raw.dialect.order, units: chosen.units };
}

/** @param {number[]} numbers @param {Order} order @returns {Corners} */
function corners(numbers, order) {
  if (numbers.length > 4) {
    const xs = numbers.filter((_, n) => n % 2 === 0);
    const ys = numbers.filter((_, n) => n % 2 === 1);
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }
  const [a, b, c, d] = numbers;
  if (order === "yxyx") return [b, a, d, c];
  if (order === "xywh") return [a, b, a + c, b + d];
  return order === "cxcywh" ? [a - c / 2, b - d / 2, a + c / 2, b + d / 2] : [a, b, c, d];
}

/** @param {number} value */
function shown(value) {
  return Math.round(value * 1e4) / 1e4;
}
