/** The forms in which detectors and vision models hand boxes round: mask_ops/box_forms.py. */

import { AS_LABELLED, BoxFault, findDialect, readBox } from "./dialects.js";
import { LISTED, NAMED, PIXELS, isEntry, labelOf, numbersOf, oneBox, short } from "./entries.js";
import { readText } from "./text.js";

/** @typedef {import("./dialects.js").RawBox} RawBox */
/** @typedef {import("./entries.js").Entry} Entry */
/** @typedef {{box: import("../model/schema.js").Corners, text: string}} LabelledBox */

const COLUMNS = [
  ["bboxes", "labels"],
  ["quad_boxes", "labels"],
  ["bboxes", "bboxes_labels"],
];
const WRAPPERS = [
  ...["elements", "objects", "detections", "instances", "predictions", "results", "regions"],
  ...["bounding_boxes", "bboxes", "boxes"],
];
const MOST = 2000;

/**
 * Read boxes out of a text.
 *
 * @param {string} text
 * @param {import("../model/schema.js").Size} size of the picture that they were drawn on
 * @param {string} [dialect] one of DIALECTS
 * @returns {LabelledBox[]}
 */
export function parseBoxes(text, size, dialect = AS_LABELLED) {
  const chosen = findDialect(dialect);
  const found = gatherBoxes(readText(text));
  if (found.length === 0) throw new BoxFault("no boxes");
  return found.map((raw, n) => ({ box: readBox(raw, chosen, size, n + 1), text: raw.text }));
}

/** @param {unknown} data @returns {RawBox[]} */
export function gatherBoxes(data) {
  const items = itemsOf(data);
  if (items.length > MOST) throw new BoxFault("too many", { boxes: items.length, most: MOST });
  return items.map((item, n) => (isRaw(item) ? item : oneBox(item, n + 1)));
}

const RAW = new WeakSet();

/** @param {RawBox} box */
function asRaw(box) {
  RAW.add(box);
  return box;
}

/** @param {unknown} item @returns {item is RawBox} */
function isRaw(item) {
  return isEntry(item) && RAW.has(item);
}

/** @param {unknown} data @returns {unknown[]} */
function itemsOf(data) {
  if (isEntry(data)) return ofObject(data);
  if (!Array.isArray(data)) throw new BoxFault("form", { box: 1, text: short(data) });
  if (data.length === 4 && data.every((value) => ["number", "string"].includes(typeof value)))
    return [data];
  if (data.length > 2 && data.every(isPoint))
    throw new BoxFault("outline", { box: 1, text: short(data) });
  if (data.length > 0 && data.every(isFrame)) {
    if (data.length === 1) return itemsOf(data[0]);
    itemsOf(data[0]);
    throw new BoxFault("frames", { frames: data.length });
  }
  return data.length === 1 && isEntry(data[0]) ? itemsOf(data[0]) : data;
}

/**
 * The boxes of an object that is one itself, has them in columns, or wraps a list of them.
 *
 * @param {Entry} entry
 * @returns {unknown[]}
 */
function ofObject(entry) {
  if (LISTED.some(([key]) => key in entry)) return [entry];
  if (NAMED.some(([keys]) => keys.every((key) => key in entry))) return [entry];
  for (const [boxes, labels] of COLUMNS)
    if (boxes in entry && labels in entry) return columns(entry[boxes], entry[labels]);
  if ("boxes" in entry && ("scores" in entry || "text_labels" in entry)) return tensors(entry);
  if ("annotations" in entry) return coco(entry);
  const [[key, value], ...others] = Object.entries(entry);
  if (others.length === 0 && (WRAPPERS.includes(key) || key.startsWith("<"))) return itemsOf(value);
  for (const name of WRAPPERS) if (Array.isArray(entry[name])) return itemsOf(entry[name]);
  return [entry];
}

/** @param {unknown} boxes @param {unknown} labels @returns {RawBox[]} */
function columns(boxes, labels) {
  const [rows, words] = [rowsOf(boxes), rowsOf(labels)];
  if (rows.length !== words.length)
    throw new BoxFault("labels", { labels: words.length, boxes: rows.length });
  return rows.map((row, n) =>
    asRaw({
      numbers: numbersOf(row, n + 1),
      dialect: PIXELS,
      text: labelOf(words[n]),
      named: false,
    }),
  );
}

/**
 * What torchvision and transformers give: pixels, or fractions where no size was told.
 *
 * @param {Entry} entry
 */
function tensors(entry) {
  const rows = rowsOf(entry.boxes);
  const labels = entry.text_labels?.length ? entry.text_labels : entry.labels;
  const read = columns(rows, labels?.length ? labels : rows.map(() => ""));
  const small = read.every((raw) => raw.numbers.every((number) => Math.abs(number) <= 1));
  return small ? read.map((raw) => asRaw({ ...raw, dialect: null })) : read;
}

/** @param {Entry} entry */
function coco(entry) {
  const notes = rowsOf(entry.annotations);
  const pictures = new Set(notes.map((note) => note.image_id));
  if (pictures.size > 1) throw new BoxFault("frames", { frames: pictures.size });
  const names = new Map(rowsOf(entry.categories ?? []).map((each) => [each.id, each.name ?? ""]));
  return notes.map((note) => ({ label: names.get(note.category_id) ?? "", ...note }));
}

/** @param {unknown} values @returns {any[]} */
function rowsOf(values) {
  if (!Array.isArray(values)) throw new BoxFault("form", { box: 1, text: short(values) });
  return values;
}

/** @param {unknown} item */
function isPoint(item) {
  return Array.isArray(item) && item.length === 2 && item.every((n) => typeof n === "number");
}

/** @param {unknown} item */
function isFrame(item) {
  return Array.isArray(item) && item.every((value) => typeof value === "object" && value !== null);
}
