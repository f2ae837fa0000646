/** Every type of wire that the pack brings has a colour of its own. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { WIRES } from "../../web/canvas/comfy/wires.js";

const SOCKETS = new URL("../../nodes/inputs/sockets.py", import.meta.url);

test("each of the pack's types has a colour, each another one", () => {
  const named = readFileSync(SOCKETS, "utf8").matchAll(/io\.Custom\("(\w+)"\)/g);
  assert.deepEqual(Object.keys(WIRES).sort(), [...named].map(([, type]) => type).sort());
  assert.equal(new Set(Object.values(WIRES)).size, Object.keys(WIRES).length);
});
