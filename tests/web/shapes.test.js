/** Geometry, handles, piles, and where the picture lies in its area. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fitted, panned, toFraction, toPixel, zoomed } from "../../web/canvas/model/viewport.js";
import * as geometry from "../../web/canvas/shapes/geometry.js";
import { cursorOf, gripAt, handlePoint, HANDLES } from "../../web/canvas/shapes/handles.js";
import { nextOfPile, pileAt } from "../../web/canvas/shapes/pick.js";
import * as transform from "../../web/canvas/shapes/transform.js";
import { makeInstance } from "../../web/canvas/model/schema.js";

/** @typedef {import("../../web/canvas/model/schema.js").Point} Point */
/** @typedef {import("../../web/canvas/model/schema.js").Shape} Shape */

/** @type {Shape} */
const BOX = { kind: "box", op: "add", box: [0.2, 0.2, 0.6, 0.4] };
/** @type {Shape} */
const TRIANGLE = {
  kind: "polygon",
  op: "add",
  points: [
    [0.1, 0.1],
    [0.5, 0.1],
    [0.1, 0.5],
  ],
};
const never = () => false;
const pixels = (/** @type {Point} */ a, /** @type {Point} */ b) =>
  100 * Math.hypot(a[0] - b[0], a[1] - b[1]);

test("bounds surround all shapes, a mask's are the picture", () => {
  assert.deepEqual(geometry.boundsOf([BOX, TRIANGLE]), [0.1, 0.1, 0.6, 0.5]);
  assert.deepEqual(geometry.boundsOf([{ kind: "mask", op: "add", png: "" }]), [0, 0, 1, 1]);
  assert.equal(geometry.boundsOf([]), null);
});

test("what was taken away is not covered, what was added after that is", () => {
  /** @type {Shape} */
  const hole = { kind: "box", op: "subtract", box: [0.3, 0.2, 0.5, 0.4] };
  /** @type {Shape} */
  const dot = { kind: "stroke", op: "add", points: [[0.4, 0.3]], radius: 0.02 };
  const at = (/** @type {Point} */ point, /** @type {Shape[]} */ shapes) =>
    geometry.covers(shapes, point, [100, 200], never);
  assert.equal(at([0.4, 0.3], [BOX, hole]), false);
  assert.equal(at([0.25, 0.3], [BOX, hole]), true);
  assert.equal(at([0.4, 0.3], [BOX, hole, dot]), true);
  assert.equal(at([0.2, 0.2], [TRIANGLE]), true);
});

test("the brush is round in pixels, whatever the picture's shape", () => {
  /** @type {Shape} */
  const dot = { kind: "stroke", op: "add", points: [[0.5, 0.5]], radius: 0.1 };
  assert.equal(geometry.covers([dot], [0.545, 0.5], [100, 200], never), true);
  assert.equal(geometry.covers([dot], [0.56, 0.5], [100, 200], never), false);
  assert.equal(geometry.covers([dot], [0.5, 0.59], [100, 200], never), true);
});

test("points on a straight line are left out, corners stay", () => {
  /** @type {Point[]} */
  const line = [
    [0, 0],
    [1, 0.001],
    [2, 0],
    [2, 2],
  ];
  assert.deepEqual(geometry.simplified(line, 0.01), [
    [0, 0],
    [2, 0],
    [2, 2],
  ]);
});

test("each of the eight handles moves its own sides", () => {
  for (const handle of HANDLES) {
    const to = transform.resized([0.2, 0.2, 0.6, 0.4], handle, [0.5, 0.3], false);
    assert.equal(to[0] === 0.5, handle.includes("w"));
    assert.equal(to[2] === 0.5, handle.includes("e"));
    assert.equal(to[1] === 0.3, handle.includes("n"));
    assert.equal(to[3] === 0.3, handle.includes("s"));
  }
});

test("a handle stops at the other side and at the picture's edge; Shift keeps the shape", () => {
  const [, , x2] = transform.resized([0.2, 0.2, 0.6, 0.4], "e", [0, 0], false);
  assert.ok(Math.abs(x2 - 0.2 - transform.LEAST) < 1e-12);
  assert.equal(transform.resized([0.2, 0.2, 0.6, 0.4], "e", [9, 0], false)[2], 1);
  const [x1, y1, right, bottom] = transform.resized([0.2, 0.2, 0.6, 0.4], "se", [0.8, 0.9], true);
  assert.ok(Math.abs((right - x1) / (bottom - y1) - 2) < 1e-9);
});

test("shapes are scaled with their bounds, a brush by the mean of both scales", () => {
  /** @type {Shape} */
  const stroke = { kind: "stroke", op: "add", points: [[0.2, 0.2]], radius: 0.1 };
  const [box, scaled] = transform.scaledShapes(
    [BOX, stroke],
    [0.2, 0.2, 0.6, 0.4],
    [0.2, 0.2, 1, 1],
  );
  assert.deepEqual(/** @type {any} */ (box).box, [0.2, 0.2, 1, 1]);
  assert.ok(Math.abs(/** @type {any} */ (scaled).radius - 0.1 * Math.sqrt(8)) < 1e-9);
});

test("vertices are moved, put in and taken out, down to three", () => {
  const { points } = /** @type {any} */ (TRIANGLE);
  const four = transform.insertVertex(points, 1, [0.3, 0]);
  assert.deepEqual(four[1], [0.3, 0]);
  assert.equal(transform.withVertex(four, 1, null).length, 3);
  assert.equal(transform.withVertex(points, 1, null), points);
});

test("the pointer takes hold of a vertex before a handle, and of an edge between them", () => {
  const grip = gripAt([TRIANGLE], [0.1, 0.1], pixels, 9);
  assert.deepEqual(grip, { kind: "vertex", shape: 0, vertex: 0 });
  const edge = gripAt([TRIANGLE], [0.32, 0.29], pixels, 4);
  assert.equal(edge?.kind, "edge");
  assert.equal(cursorOf(gripAt([BOX], [0.6, 0.4], pixels, 9)), "nwse-resize");
  assert.equal(gripAt([BOX], [0.4, 0.3], pixels, 5), null);
  assert.deepEqual(handlePoint([0, 0, 1, 1], "n"), [0.5, 0]);
});

test("a click goes through a pile, uppermost first; hidden and locked ones are passed over", () => {
  const made = ["a", "b", "c", "d"].map((id) =>
    makeInstance({ id, hidden: id === "b", locked: id === "d" }),
  );
  const pile = pileAt(made, () => true);
  assert.deepEqual(pile, ["c", "a"]);
  assert.equal(nextOfPile(pile, null), "c");
  assert.equal(nextOfPile(pile, "c"), "a");
  assert.equal(nextOfPile(pile, "a"), "c");
  assert.equal(nextOfPile([], "a"), null);
});

test("zoom keeps the place under the pointer, and never shows less than the whole", () => {
  const whole = fitted([512, 768], [300, 400]);
  const closer = zoomed(whole, 4, [100, 120], [512, 768], [300, 400]);
  const before = toFraction(whole, [512, 768], [100, 120]);
  const after = toFraction(closer, [512, 768], [100, 120]);
  assert.ok(Math.abs(before[0] - after[0]) < 1e-9 && Math.abs(before[1] - after[1]) < 1e-9);
  assert.deepEqual(zoomed(closer, 0.001, [0, 0], [512, 768], [300, 400]), whole);
  assert.deepEqual(toPixel(closer, [512, 768], after).map(Math.round), [100, 120]);
});

test("some of the picture stays in sight", () => {
  const view = panned(fitted([512, 768], [300, 400]), 1e6, 1e6, [512, 768], [300, 400]);
  assert.ok(view.x < 400 && view.y < 300);
});
