/** Which canvas the command and the menu mean, and whose result a picture is. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { canvasesAmong, meantCanvas } from "../../web/canvas/comfy/find_canvas.js";
import { comesFrom } from "../../web/canvas/comfy/results.js";

const isCanvas = (/** @type {any} */ node) => node.type === "InstanceEditCanvas";
const canvas = (/** @type {string} */ title) => ({ type: "InstanceEditCanvas", title });
const subgraph = (/** @type {any[]} */ ...nodes) => ({ type: "a", subgraph: { nodes } });
const other = { type: "KSampler" };

test("canvases are found in subgraphs at any depth, each once", () => {
  const [deep, near] = [canvas("deep"), canvas("near")];
  const outer = subgraph(other, subgraph(deep), near);
  assert.deepEqual(canvasesAmong([outer, near], isCanvas), [deep, near]);
  assert.deepEqual(canvasesAmong([other, subgraph()], isCanvas), []);
});

/** @param {any[]} selected @param {any[]} shown @param {any[]} all */
function meant(selected, shown, all = shown) {
  const app = {
    canvas: { selectedItems: new Set(selected), graph: { nodes: shown } },
    rootGraph: { nodes: all },
  };
  return meantCanvas(app, isCanvas);
}

test("the canvas that is selected is meant, or that of a selected subgraph", () => {
  const [one, two] = [canvas("one"), canvas("two")];
  const around = subgraph(other, two);
  assert.equal(meant([other, two], [one, two, other]), two);
  assert.equal(meant([around], [one, around]), two);
});

test("without a selection the only canvas is meant, the one that is shown before all", () => {
  const [one, two] = [canvas("one"), canvas("two")];
  assert.equal(meant([], [other, one]), one);
  assert.equal(meant([other], [subgraph(one)]), one);
  assert.equal(meant([], [two], [one, subgraph(two)]), two);
  assert.equal(meant([], [one, two]), null);
  assert.equal(meant([], []), null);
});

test("a picture is the result of a canvas in a subgraph of a subgraph too", () => {
  const deep = { nodes: [] };
  const outer = { inputs: [], subgraph: { nodes: [{ subgraph: deep }] } };
  const root = { getNodeById: (/** @type {number} */ id) => (id === 7 ? outer : null) };
  assert.equal(comesFrom(root, "7", { graph: deep }), true);
  assert.equal(comesFrom(root, "7", { graph: {} }), false);
});

test("what the pack's previews draw is no result, in a subgraph neither", () => {
  const one = { type: "InstanceEditCanvas" };
  const fed = (/** @type {string} */ type) => ({ type, inputs: [{}], getInputNode: () => one });
  const inner = { getNodeById: () => fed("InstanceEditPreviewBias") };
  const nodes = [
    fed("SaveImage"),
    fed("InstanceEditPreviewRegions"),
    { ...fed("a"), subgraph: inner },
  ];
  const root = { getNodeById: (/** @type {number} */ id) => nodes[id] };
  assert.deepEqual(
    ["0", "1", "2:5"].map((id) => comesFrom(root, id, one)),
    [true, false, false],
  );
});
