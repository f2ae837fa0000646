/** Every word is there in every language, with the same names to fill in. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { en } from "../../web/canvas/words/en.js";
import { fr } from "../../web/canvas/words/fr.js";
import { findingText, wordsOf } from "../../web/canvas/words/words.js";
import { zh } from "../../web/canvas/words/zh.js";

/** @param {object} table @returns {[string, string][]} */
function flat(table, before = "") {
  return Object.entries(table).flatMap(([key, value]) =>
    typeof value === "string"
      ? [/** @type {[string, string]} */ ([before + key, value])]
      : flat(value, `${before}${key}.`),
  );
}

const names = (/** @type {string} */ text) => (text.match(/\{\w+\}/g) ?? []).toSorted();

for (const [language, table] of Object.entries({ fr, zh }))
  test(`${language} says all that English says`, () => {
    const theirs = new Map(flat(table));
    for (const [key, text] of flat(en)) {
      assert.ok(theirs.get(key)?.trim(), key);
      assert.deepEqual(names(theirs.get(key) ?? ""), names(text), key);
    }
    assert.equal(theirs.size, flat(en).length);
  });

test("every word is used", () => {
  const used = ["editor", "editor_view", "toolbar", "row", "list", "keys", "placing", "type_in"]
    .concat(["import_dialog", "full_screen", "mask_files", "loras", "seed", "drop"])
    .map((name) => readFileSync(new URL(`../../web/canvas/ui/${name}.js`, import.meta.url), "utf8"))
    .concat(
      readFileSync(new URL("../../web/canvas/comfy/extension.js", import.meta.url), "utf8"),
      "words.findings words.faults words.strength words.start words.end words.grow words.reference", // by their keys
    )
    .join("\n");
  const missing = Object.keys(en).filter((key) => !new RegExp(`\\b${key}\\b`).test(used));
  assert.deepEqual(missing, []);
});

test("the language is the front end's, English where it is not known", () => {
  assert.equal(wordsOf("zh-TW"), zh);
  assert.equal(wordsOf("fr"), fr);
  assert.equal(wordsOf("ja"), en);
  assert.equal(wordsOf(undefined), en);
});

test("a finding names its instances", () => {
  const finding = { code: "overlap", numbers: [1, 3], values: { cells: 4, percent: 50 } };
  assert.equal(findingText(en, finding), "1 and 3 overlap on 4 cells, 50 % of the smaller.");
});
