/** Boxes out of the text that a language model or a person wrote around them. */

import { BoxFault } from "./dialects.js";

const LONGEST = 2_000_000;
const DEEPEST = 200;
const TRIES = 1000;
const LOCATIONS = /<(loc_?|box_|bin_)\d+>|<\|box_start\|>|<\|det\|>/;
const FENCE = /```[A-Za-z0-9_-]*\s*\n?([\s\S]*?)```/g;
/** @type {Record<string, unknown>} */
const CONSTANTS = { true: true, True: true, false: false, False: false, null: null, None: null };

/**
 * What a text says in JSON, or as Python writes it (single quotes, tuples). A byte order mark,
 * markdown's fences and words before and after are left out; several values become a list.
 *
 * @param {string} given
 * @returns {unknown}
 */
export function readText(given) {
  const text = given.replace(/^\ufeff/, "").trim();
  const start = text.slice(0, 80);
  if (LOCATIONS.test(text)) throw new BoxFault("marks", { text: start });
  if (text.length > LONGEST) throw new BoxFault("too long", { letters: LONGEST });
  for (const part of [...[...text.matchAll(FENCE)].map((match) => match[1].trim()), text]) {
    const found = valuesOf(part);
    if (found.length > 0) return found.length === 1 ? found[0] : joined(found);
  }
  throw new BoxFault("unreadable", { text: start });
}

/**
 * Every list or object in a text, from its left; numbers in the prose are none of them.
 *
 * @param {string} text
 */
function valuesOf(text) {
  const found = [];
  let place = 0;
  for (let tries = 0; tries < TRIES;) {
    const step = text.slice(place).search(/[[{]/);
    if (step < 0) break;
    place += step;
    const read = new Reader(text, place);
    const value = read.value(0);
    if (read.broken) tries += 1;
    place = read.broken ? place + 1 : read.place;
    if (!read.broken && mayHoldBoxes(value)) found.push(value);
  }
  return found;
}

/** @param {unknown} value */
function mayHoldBoxes(value) {
  if (!Array.isArray(value)) return Object.keys(Object(value)).length > 0;
  return value.length === 0 || value.length >= 4 || value.some(isNested);
}

/** @param {unknown} value */
function isNested(value) {
  return typeof value === "object" && value !== null;
}

/**
 * Objects and boxes one after the other as one list; lists of them end to end.
 *
 * @param {unknown[]} found
 */
function joined(found) {
  return found.flatMap((value) => (Array.isArray(value) && value.some(isNested) ? value : [value]));
}

/** Reads one value in JSON's or Python's notation. */
class Reader {
  /** @param {string} text @param {number} place */
  constructor(text, place) {
    this.text = text;
    this.place = place;
    this.broken = false;
  }

  skip() {
    while (/\s/.test(this.text[this.place] ?? "")) this.place += 1;
  }

  /** @param {string} sign @returns {boolean} whether it stood there; it is passed over */
  take(sign) {
    this.skip();
    if (this.text[this.place] !== sign) return false;
    this.place += 1;
    return true;
  }

  /** @returns {undefined} */
  fail() {
    this.broken = true;
    return undefined;
  }

  /** @param {number} depth @returns {unknown} */
  value(depth) {
    if (depth > DEEPEST) throw new BoxFault("too deep");
    if (this.take("[")) return this.list("]", depth);
    if (this.take("(")) return this.list(")", depth);
    if (this.take("{")) return this.object(depth);
    if (this.take('"')) return this.quoted('"');
    if (this.take("'")) return this.quoted("'");
    return this.word();
  }

  /** @param {string} end @param {number} depth */
  list(end, depth) {
    const values = [];
    while (!this.broken && !this.take(end)) {
      values.push(this.value(depth + 1));
      if (!this.take(",") && !this.broken) return this.take(end) ? values : this.fail();
    }
    return values;
  }

  /** @param {number} depth */
  object(depth) {
    /** @type {Record<string, unknown>} */
    const entries = {};
    while (!this.broken && !this.take("}")) {
      const key = this.value(depth + 1);
      if (!this.take(":")) return this.fail();
      entries[String(key)] = this.value(depth + 1);
      if (!this.take(",") && !this.broken) return this.take("}") ? entries : this.fail();
    }
    return entries;
  }

  /** @param {string} quote */
  quoted(quote) {
    const start = this.place;
    while (this.place < this.text.length && this.text[this.place] !== quote)
      this.place += this.text[this.place] === "\\" ? 2 : 1;
    if (this.place >= this.text.length) return this.fail();
    const inner = this.text.slice(start, this.place);
    this.place += 1;
    return unescaped(inner);
  }

  word() {
    const match = /^[-+\w.]+/.exec(this.text.slice(this.place, this.place + 40));
    if (!match) return this.fail();
    this.place += match[0].length;
    if (match[0] in CONSTANTS) return CONSTANTS[match[0]];
    const number = Number(match[0]);
    return Number.isNaN(number) ? this.fail() : number;
  }
}

/** @param {string} inner */
function unescaped(inner) {
  /** @type {Record<string, string>} */
  const known = { n: "\n", t: "\t", r: "\r" };
  return inner.replace(/\\(u[0-9a-fA-F]{4}|[\s\S])/g, (_, sign) =>
    sign.length > 1 ? String.fromCharCode(parseInt(sign.slice(1), 16)) : (known[sign] ?? sign),
  );
}
