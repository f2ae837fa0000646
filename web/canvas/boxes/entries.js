/** One box as an object or a list of numbers, as a raw box: mask_ops/box_entries.py. */

import { BoxFault } from "./dialects.js";

/** @typedef {import("./dialects.js").Dialect} Dialect */
/** @typedef {import("./dialects.js").RawBox} RawBox */
/** @typedef {Record<string, any>} Entry */

/** @type {Dialect} */
export const PIXELS = { order: "xyxy", units: "pixels" };
/** @type {Dialect} */
const FRACTIONS = { order: "xyxy", units: "0..1" };
/** @type {Dialect} */
const CORNER_SIZE = { order: "xywh", units: "pixels" };
/** @type {Dialect} */
const GEMINI = { order: "yxyx", units: "0..1000" };
const COCO = ["category_id", "image_id", "iscrowd"];
const OUTLINES = ["polygon", "polygons", "points", "segmentation"];
/** @type {[string[], Dialect][]} keys that name every number */
export const NAMED = [
  [["x", "y", "width", "height"], CORNER_SIZE],
  [["x", "y", "w", "h"], CORNER_SIZE],
  [["left", "top", "width", "height"], CORNER_SIZE],
  [["left", "top", "right", "bottom"], PIXELS],
  [["x1", "y1", "x2", "y2"], PIXELS],
  [["xmin", "ymin", "xmax", "ymax"], PIXELS],
  [["x_min", "y_min", "x_max", "y_max"], PIXELS],
];
/** @type {[string, Dialect | null][]} keys of a list of numbers, and what they alone say of it */
export const LISTED = [
  ["box_2d", GEMINI],
  ["xyxy", PIXELS],
  ["xyxyn", FRACTIONS],
  ["bbox_2d", null],
  ["bbox", null],
  ["box", null],
  ["bounding_box", null],
  ["quad_box", PIXELS],
];
const WORDS = [
  ...["instruction", "desc", "text", "label", "description"],
  ...["caption", "phrase", "name", "class_name", "class"],
];
const PERCENT = ["%", "percent", "percentage"];

/** @param {unknown} value @returns {value is Entry} */
export function isEntry(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A box of any form that stands for one.
 *
 * @param {unknown} item
 * @param {number} number 1-based
 * @returns {RawBox}
 */
export function oneBox(item, number) {
  if (isEntry(item)) return entryBox(item, number);
  if (Array.isArray(item))
    return { numbers: numbersOf(item, number), dialect: PIXELS, text: "", named: false };
  throw new BoxFault("form", { box: number, text: short(item) });
}

/** @param {Entry} entry @param {number} number @returns {RawBox} */
function entryBox(entry, number) {
  const unit = String(entry.unit ?? entry.units).toLowerCase();
  if ("rectanglelabels" in entry || PERCENT.includes(unit))
    throw new BoxFault("percent", { box: number });
  const text = textOf(entry);
  for (const [keys, dialect] of NAMED) {
    if (!keys.every((key) => key in entry)) continue;
    const centred = keys[0] === "x" && "class" in entry && "confidence" in entry;
    const numbers = numbersOf(
      keys.map((key) => entry[key]),
      number,
    );
    return { numbers, dialect: centred ? null : dialect, text, named: !centred };
  }
  for (const [key, dialect] of LISTED) {
    if (!(key in entry)) continue;
    if (isEntry(entry[key])) {
      const inner = entryBox(entry[key], number);
      return { ...inner, text: text || inner.text };
    }
    return listedBox(entry, key, numbersOf(entry[key], number), dialect);
  }
  const outlined = OUTLINES.some((key) => key in entry);
  throw new BoxFault(outlined ? "outline" : "form", { box: number, text: short(entry) });
}

/**
 * @param {Entry} entry
 * @param {string} key
 * @param {number[]} numbers
 * @param {Dialect | null} dialect
 * @returns {RawBox}
 */
function listedBox(entry, key, numbers, dialect) {
  let said = dialect;
  if (numbers.length > 4) said = Math.max(...numbers.map(Math.abs)) <= 1 ? FRACTIONS : PIXELS;
  else if (key === "bbox" && (entry.type === "obj" || entry.type === "text")) said = GEMINI;
  else if (key === "bbox" && COCO.some((name) => name in entry)) said = CORNER_SIZE;
  return { numbers, dialect: said, text: textOf(entry), named: false };
}

/**
 * Four numbers, or the eight of a quadrangle; corners in pairs may be two or more.
 *
 * @param {unknown} values
 * @param {number} number
 * @returns {number[]}
 */
export function numbersOf(values, number) {
  const wrong = () => new BoxFault("four numbers", { box: number, text: short(values) });
  if (!Array.isArray(values)) throw wrong();
  if (values.some((item) => typeof item === "string" && item.trim().endsWith("%")))
    throw new BoxFault("percent", { box: number });
  const paired =
    values.length > 0 && values.every((item) => Array.isArray(item) && item.length === 2);
  const found = (paired ? values.flat() : values).map(numberOf);
  if (found.some(Number.isNaN)) throw wrong();
  const fits = paired ? found.length >= 4 : found.length === 4 || found.length === 8;
  if (!fits) throw wrong();
  return found;
}

/** @param {unknown} value */
function numberOf(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
}

/** @param {unknown} value */
export function labelOf(value) {
  return typeof value === "string" ? value.replace("</s>", "").trim() : "";
}

/**
 * The words of a box: its instruction, else its description, text, label and the like.
 *
 * @param {Entry} entry
 */
export function textOf(entry) {
  const sources = isEntry(entry.metadata) ? [entry, entry.metadata] : [entry];
  for (const key of WORDS)
    for (const source of sources)
      if (typeof source[key] === "string" && source[key].trim()) return labelOf(source[key]);
  return "";
}

/** @param {unknown} value */
export function short(value) {
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length <= 120 ? shown : `${shown.slice(0, 117)}...`;
}
