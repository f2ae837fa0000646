/** Seeds of single instances, and whether anything takes them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { hasInstanceNoise } from "../../web/canvas/comfy/noise.js";
import { formatCanvas, makeInstance } from "../../web/canvas/model/schema.js";
import { anotherSeed, readSeed, seedText } from "../../web/canvas/model/seeds.js";

test("a seed is a whole number of up to 64 bits, nothing is the picture's own", () => {
  assert.equal(readSeed(" 7 "), 7);
  assert.equal(readSeed(" "), null);
  for (const typed of ["-1", "1.5", "a", "18446744073709551616"])
    assert.equal(readSeed(typed), undefined, typed);
});

test("what was typed is what is written and shown, to the last digit", () => {
  for (const typed of ["0", "9007199254740991", "9007199254740993", "18446744073709551615"]) {
    const seed = readSeed(typed);
    assert.ok(seed !== undefined);
    assert.equal(seedText(seed), typed);
    const instances = [makeInstance({ id: "a1", seed })];
    const text = formatCanvas({ version: 1, size: null, instances });
    assert.match(text, new RegExp(`"seed":${typed}[,}]`));
  }
  assert.equal(seedText(null), "");
});

test("lots give seeds that can be written", () => {
  const drawn = Array.from({ length: 20 }, anotherSeed);
  assert.ok(drawn.every((seed) => readSeed(String(seed)) === seed));
  assert.ok(new Set(drawn).size > 15);
});

test("seeds act where a node gives noise, in a subgraph too, but not while it is muted", () => {
  const noise = (mode = 0) => ({ type: "InstanceEditNoise", mode });
  const graph = (/** @type {object[]} */ nodes, inner = new Map()) => ({ nodes, subgraphs: inner });
  assert.equal(hasInstanceNoise(graph([{ type: "KSampler", mode: 0 }])), false);
  assert.equal(hasInstanceNoise(graph([noise()])), true);
  assert.equal(hasInstanceNoise(graph([noise(2), noise(4)])), false);
  assert.equal(hasInstanceNoise(graph([], new Map([["a", { nodes: [noise()] }]]))), true);
  assert.equal(hasInstanceNoise(undefined), false);
});
