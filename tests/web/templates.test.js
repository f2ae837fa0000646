/** Templates in the order of their names. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { sortTemplates } from "../../web/canvas/comfy/templates.js";

test("our templates are sorted, others' stay in their order", async () => {
  const told = { "our-pack": ["turns", "canvas", "first"], another: ["b", "a"] };
  const api = {
    told,
    async getWorkflowTemplates() {
      return this.told;
    },
  };
  sortTemplates(api, "our-pack");
  assert.deepEqual(await api.getWorkflowTemplates(), {
    "our-pack": ["canvas", "first", "turns"],
    another: ["b", "a"],
  });
});

test("a front end that tells templates by another way is left alone", async () => {
  const bare = {};
  sortTemplates(bare, "our-pack");
  assert.deepEqual(bare, {});
  const api = { getWorkflowTemplates: async () => ({ another: ["b", "a"] }) };
  sortTemplates(api, "our-pack");
  assert.deepEqual(await api.getWorkflowTemplates(), { another: ["b", "a"] });
});
