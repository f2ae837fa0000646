/** Pasted boxes mean in the browser what they mean in Python: one table for both. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { BoxFault, DIALECTS } from "../../web/canvas/boxes/dialects.js";
import { parseBoxes } from "../../web/canvas/boxes/forms.js";

const cases = JSON.parse(readFileSync(new URL("../box_cases.json", import.meta.url), "utf8"));
/** @type {[number, number]} */
const SIZE = [768, 1024];

for (const one of cases)
  test(`boxes: ${one.name}`, () => {
    const read = () => parseBoxes(one.text, SIZE, one.dialect);
    if (one.fault) {
      assert.throws(read, (error) => error instanceof BoxFault && error.code === one.fault);
      return;
    }
    assert.deepEqual(
      read().map(({ text }) => text),
      one.texts,
    );
    read().forEach(({ box }, n) =>
      box.forEach((value, m) => assert.ok(Math.abs(value - one.boxes[n][m]) < 1e-9)),
    );
  });

test("there are as many dialects as orders and units, and the one that asks the data", () => {
  assert.equal(DIALECTS.length, 13);
});

test("endless nesting is refused in words", () => {
  assert.throws(() => parseBoxes("[".repeat(3000), SIZE), BoxFault);
});
