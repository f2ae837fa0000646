/** The front end loads every file under web: only the entry may do something by being loaded. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { encodeGreyPng, maskValues } from "../../web/canvas/ui/mask_files.js";
import { heightFor } from "../../web/canvas/comfy/node.js";
import { parseName } from "../../web/canvas/comfy/picture.js";
import { shorten } from "../../web/canvas/comfy/small_numbers.js";
import { comesFrom } from "../../web/canvas/comfy/results.js";
import { readImport } from "../../web/canvas/ui/import_dialog.js";

const ROOT = new URL("../../web/", import.meta.url);
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".js"),
);

test("every module but the entry loads without a page and leaves nothing behind", async () => {
  const before = Object.keys(globalThis);
  const modules = FILES.filter((name) => name !== "instance_edit.js");
  assert.ok(modules.length > 30);
  for (const name of modules) await import(new URL(name, ROOT).href);
  assert.deepEqual(Object.keys(globalThis), before);
});

test("the entry alone reaches for the front end's own modules", () => {
  const reaching = FILES.filter((name) =>
    /from "[./]*\/scripts\//.test(readFileSync(new URL(name, ROOT), "utf8")),
  );
  assert.deepEqual(reaching, ["instance_edit.js"]);
});

test("no module asks the server while something is drawn: only uploads of pictures do", () => {
  const asking = FILES.filter((name) =>
    /fetch(Api)?\(|XMLHttpRequest|WebSocket/.test(readFileSync(new URL(name, ROOT), "utf8")),
  );
  assert.deepEqual(asking.sort(), ["canvas/comfy/photographs.js", "canvas/comfy/picture.js"]);
});

test("the height of a canvas is a matter of its width and its picture", () => {
  assert.equal(heightFor(400, [512, 768]), heightFor(400, [512, 768]));
  assert.ok(heightFor(800, [512, 768]) > heightFor(400, [512, 768]));
  assert.equal(heightFor(400, [4000, 10]), heightFor(400, [9000, 10]));
});

test("file names are read as the front end writes them", () => {
  assert.deepEqual(parseName("a b.png"), { filename: "a b.png", subfolder: "", type: "input" });
  assert.deepEqual(parseName("pasted/x.png [output]"), {
    filename: "x.png",
    subfolder: "pasted",
    type: "output",
  });
});

test("a mask is written as a grey PNG with its own values", async () => {
  const values = Uint8Array.from([0, 255, 7, 128, 1, 254]);
  const png = await encodeGreyPng(values, 3, 2);
  const view = new DataView(png.buffer);
  assert.deepEqual([...png.subarray(1, 4)], [80, 78, 71]);
  assert.deepEqual([view.getUint32(16), view.getUint32(20), png[24], png[25]], [3, 2, 8, 0]);
  const length = view.getUint32(33);
  const lines = inflateSync(png.subarray(41, 41 + length));
  assert.deepEqual([...lines], [0, 0, 255, 7, 0, 128, 1, 254]);
});

test("a mask is a picture's light, or its opacity where some of it is transparent", () => {
  assert.deepEqual(
    [...maskValues(Uint8ClampedArray.from([255, 255, 255, 255, 0, 0, 0, 255]))],
    [255, 0],
  );
  assert.deepEqual(
    [...maskValues(Uint8ClampedArray.from([9, 9, 9, 255, 255, 255, 255, 0]))],
    [255, 0],
  );
});

test("a number that is nearly 0 is shown in few digits, as it is now", () => {
  const bare = Object.setPrototypeOf({ value: 1e-30 }, { _displayValue: (1e-30).toFixed(30) });
  shorten(bare);
  assert.equal(bare._displayValue, "1e-30");
  bare.value = 0.5;
  assert.equal(bare._displayValue, "0.5");
});

test("a result is that of a canvas if it is fed by it, through a subgraph too", () => {
  /** @type {Record<string, any>} */
  const nodes = {};
  const node = (/** @type {number} */ id, /** @type {any} */ more) =>
    (nodes[id] = {
      inputs: (more.from ?? []).map(() => ({})),
      getInputNode: (/** @type {number} */ slot) => nodes[more.from[slot]] ?? null,
      ...more,
    });
  const root = { getNodeById: (/** @type {any} */ id) => nodes[id] ?? null };
  const canvas = node(1, { graph: root });
  node(2, { from: [1] });
  node(3, { from: [2, 9] });
  node(4, { from: [] });
  node(5, { subgraph: { name: "inner" } });
  node(6, { from: [5] });
  assert.equal(comesFrom(root, "3", canvas), true);
  assert.equal(comesFrom(root, "4", canvas), false);
  assert.equal(comesFrom(root, "3:7", canvas), true);
  assert.equal(comesFrom(root, "6", { graph: nodes[5].subgraph }), true);
});

test("an import reads a canvas, else boxes, and says which fault a text has", () => {
  const boxes = '[{"bbox_2d": [250, 125, 500, 625], "label": "cup"}]';
  assert.equal(readImport(boxes, [768, 1024], "as labelled").fault?.code, "ambiguous");
  const [one] = readImport(boxes, [768, 1024], "xyxy 0..1000").found;
  assert.deepEqual(one.shapes, [{ kind: "box", op: "add", box: [0.25, 0.125, 0.5, 0.625] }]);
  const canvas = '{"version": 1, "instances": [{"instruction": "x", "shapes": []}]}';
  assert.equal(readImport(canvas, [9, 9], "as labelled").found[0].instruction, "x");
  assert.equal(readImport(canvas.replace("1", "2"), [9, 9], "as labelled").fault?.code, "canvas");
  assert.deepEqual(readImport(" ", [9, 9], "as labelled"), { found: [], fault: null });
});
