/** Which photographs of the pack a workflow loads, wherever in it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { offerPhotograph, photographsIn } from "../../web/canvas/comfy/photographs.js";

const CAT = "instance_edit_cat.jpg";
const COFFEE = "instance_edit_coffee.jpg";
/** @param {unknown} values @param {string} type */
const node = (values, type = "LoadImage") => ({ type, widgets_values: values });

test("a node's photograph is found, each once, inside subgraphs too", () => {
  const inner = { nodes: [node([COFFEE, "image"]), node({ image: CAT })] };
  const graph = { nodes: [node([CAT, "image"])], definitions: { subgraphs: [inner] } };
  assert.deepEqual(photographsIn(graph), [CAT, COFFEE]);
});

test("a canvas's own photograph is found too", () => {
  const drawn = node(['{"version": 1}', COFFEE, "image"], "InstanceEditCanvas");
  assert.deepEqual(photographsIn({ nodes: [drawn] }), [COFFEE]);
});

test("other pictures, other nodes and graphs without any ask for nothing", () => {
  assert.deepEqual(
    photographsIn({ nodes: [node(["mine.png", "image"]), node([CAT], "Note")] }),
    [],
  );
  for (const graph of [{}, undefined, { nodes: [node(undefined)] }])
    assert.deepEqual(photographsIn(graph), []);
});

test("a photograph that did not come is not offered", () => {
  const values = ["mine.png"];
  offerPhotograph({ widgets: [{ value: CAT, options: { values } }] });
  offerPhotograph({});
  assert.deepEqual(values, ["mine.png"]);
});
