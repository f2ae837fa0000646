/** The canvas' own words in the language of the front end. */

import { en } from "./en.js";
import { fr } from "./fr.js";
import { zh } from "./zh.js";

/** @typedef {typeof en} Words */

/**
 * @param {string | undefined | null} locale such as "zh", "zh-TW", "fr"
 * @returns {Words} English where a language is not known
 */
export function wordsOf(locale) {
  const [language] = (locale ?? "").toLowerCase().split(/[-_]/);
  return { zh, fr }[language] ?? en;
}

/**
 * A text with its {names} filled in.
 *
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * What a finding says.
 *
 * @param {Words} words
 * @param {import("../grid/findings.js").Finding} finding
 */
export function findingText(words, { code, numbers, values }) {
  const table = /** @type {Record<string, string>} */ (words.findings);
  const [a, b] = numbers;
  return filled(table[code] ?? code, { ...values, a: a ?? "", b: b ?? "" });
}

/**
 * What a fault of pasted boxes says.
 *
 * @param {Words} words
 * @param {{code: string, values: Record<string, string | number>}} fault
 */
export function faultText(words, { code, values }) {
  const table = /** @type {Record<string, string>} */ (words.faults);
  return filled(table[code] ?? code, values);
}
