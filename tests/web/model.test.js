/** The canvas as text, changes of it, history, numbers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as edits from "../../web/canvas/model/edits.js";
import { History, MOST } from "../../web/canvas/model/history.js";
import * as schema from "../../web/canvas/model/schema.js";
import { Store } from "../../web/canvas/model/store.js";

const BOX = /** @type {const} */ ({ kind: "box", op: "add", box: [0.1, 0.2, 0.3, 0.4] });

/** @param {object} more */
function text(more) {
  return JSON.stringify({ version: 1, instances: [{ instruction: "a", shapes: [BOX], ...more }] });
}

/** @returns {{store: Store, written: string[]}} */
function storeWith(given = text({ id: "a1" })) {
  /** @type {string[]} */
  const written = [];
  const store = new Store((one) => written.push(one));
  store.load(given);
  return { store, written };
}

test("an empty text is an empty canvas", () => {
  assert.deepEqual(schema.parseCanvas("").canvas, schema.emptyCanvas());
});

test("what is not given has its neutral value, and each instance an id", () => {
  const { canvas } = schema.parseCanvas(text({}));
  assert.equal(canvas?.instances[0].id, "a1");
  assert.equal(canvas?.instances[0].strength, 1);
  assert.equal(canvas?.size, null);
});

test("keys that are not known are kept", () => {
  const { canvas } = schema.parseCanvas(text({ id: "x", reference_masks: ["abc"], later: 7 }));
  assert.ok(canvas);
  const [one] = JSON.parse(schema.formatCanvas(canvas)).instances;
  assert.deepEqual(one.reference_masks, ["abc"]);
  assert.equal(one.later, 7);
});

test("a seed of 64 bits stays what it is", () => {
  const given = text({ id: "x", seed: 0 }).replace('"seed":0', '"seed":18446744073709551615');
  const { canvas } = schema.parseCanvas(given);
  assert.ok(canvas);
  assert.match(schema.formatCanvas(canvas), /"seed":18446744073709551615/);
});

test("coordinates have five digits", () => {
  const { canvas } = schema.parseCanvas(text({ shapes: [{ ...BOX, box: [1 / 3, 0, 2 / 3, 1] }] }));
  assert.ok(canvas);
  assert.deepEqual(
    JSON.parse(schema.formatCanvas(canvas)).instances[0].shapes[0].box,
    [0.33333, 0, 0.66667, 1],
  );
});

for (const [name, broken] of Object.entries({
  "no JSON": "{",
  "another version": '{"version": 2, "instances": []}',
  "no instances": '{"version": 1}',
  "an unknown shape": text({ shapes: [{ kind: "star", op: "add" }] }),
  "a polygon of two points": text({
    shapes: [
      {
        kind: "polygon",
        op: "add",
        points: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
  }),
}))
  test(`a text that cannot be read is kept until something is drawn: ${name}`, () => {
    const { store, written } = storeWith(broken);
    assert.ok(store.problem);
    assert.deepEqual(written, []);
    store.place(BOX, true);
    assert.equal(store.problem, null);
    assert.equal(JSON.parse(written[0]).instances.length, 1);
  });

test("numbers count the instances that take part", () => {
  const made = [false, true, false].map((muted, n) => schema.makeInstance({ id: `${n}`, muted }));
  assert.deepEqual(schema.shownNumbers(made), [1, null, 2]);
});

test("ids are never given twice", () => {
  assert.equal(schema.freeId([{ id: "a2" }]), "a3");
  assert.equal(schema.freeId([]), "a1");
});

test("changes leave the canvas before as it was", () => {
  const { canvas } = schema.parseCanvas(text({ id: "a1" }));
  assert.ok(canvas);
  const before = JSON.stringify(canvas);
  const added = edits.addInstance(canvas, { instruction: "b" });
  edits.reorderInstance(added.canvas, added.id, 0);
  edits.changeInstance(canvas, "a1", { muted: true });
  edits.moveInstance(canvas, "a1", 0.1, 0.1);
  edits.removeInstance(canvas, "a1");
  assert.equal(JSON.stringify(canvas), before);
});

test("an instance moves to another place in the order, not beyond its ends", () => {
  let canvas = schema.emptyCanvas();
  for (const instruction of ["a", "b", "c"])
    canvas = edits.addInstance(canvas, { instruction }).canvas;
  const order = (/** @type {schema.Canvas} */ one) => one.instances.map((i) => i.instruction);
  assert.deepEqual(order(edits.reorderInstance(canvas, "a3", 0)), ["c", "a", "b"]);
  assert.deepEqual(order(edits.reorderInstance(canvas, "a1", 99)), ["b", "c", "a"]);
});

test("what moves stops at the picture's edge, in the form it has", () => {
  const { canvas } = schema.parseCanvas(text({ id: "a1" }));
  assert.ok(canvas);
  const [{ shapes }] = edits.moveInstance(canvas, "a1", 5, -5).instances;
  assert.deepEqual(/** @type {any} */ (schema.roundedShape(shapes[0])).box, [0.8, 0, 1, 0.2]);
});

test("a locked instance does not move", () => {
  const { canvas } = schema.parseCanvas(text({ id: "a1", locked: true }));
  assert.ok(canvas);
  assert.equal(edits.moveInstance(canvas, "a1", 0.1, 0), canvas);
});

test("a copy lies beside what is there, and on its own place elsewhere", () => {
  const { canvas } = schema.parseCanvas(text({ id: "a1", locked: true }));
  assert.ok(canvas);
  const beside = edits.pasteInstances(canvas, canvas.instances).canvas.instances[1];
  assert.notDeepEqual(beside.shapes, canvas.instances[0].shapes);
  assert.equal(beside.locked, false);
  const elsewhere = edits.pasteInstances(schema.emptyCanvas(), canvas.instances).canvas;
  assert.deepEqual(elsewhere.instances[0].shapes, canvas.instances[0].shapes);
});

test("history goes back and forth; letters of one text are one step", () => {
  const history = new History("");
  for (const letters of ["a", "ab", "abc"]) history.push(letters, "text");
  history.part();
  history.push("abcd", "text");
  history.undo();
  assert.equal(history.present, "abc");
  history.undo();
  assert.equal(history.present, "");
  assert.equal(history.undo(), false);
  history.redo();
  assert.equal(history.present, "abc");
  history.push("x");
  assert.equal(history.redo(), false);
});

test("history does not grow without end", () => {
  const history = new History(0);
  for (let n = 1; n < 2 * MOST; n += 1) history.push(n);
  assert.equal(history.past.length, MOST);
});

test("every committed change writes the text, undo too; a drag does not", () => {
  const { store, written } = storeWith();
  store.preview(edits.moveInstance(store.canvas, "a1", 0.1, 0));
  assert.equal(written.length, 0);
  store.commit(store.canvas);
  store.undo();
  assert.equal(written.length, 2);
  assert.equal(written[1], schema.formatCanvas(store.canvas));
});

test("a text that we wrote is not read again: history and selection stay", () => {
  const { store, written } = storeWith();
  store.place(BOX, true);
  store.load(written[0]);
  assert.equal(store.selectedId, "a2");
  store.undo();
  assert.equal(store.canvas.instances.length, 1);
});

test("a text from elsewhere is read, and history begins anew", () => {
  const { store } = storeWith();
  store.place(BOX, true);
  store.load(text({ id: "z", instruction: "other" }));
  assert.deepEqual(
    store.canvas.instances.map((one) => one.instruction),
    ["other"],
  );
  store.undo();
  assert.equal(store.canvas.instances.length, 1);
});

test("what came in by a socket is a guest until it is taken over under its own id", () => {
  const { store } = storeWith();
  store.imported = [schema.makeInstance({ id: "masks-1", instruction: "cup" })];
  assert.equal(store.guests.length, 1);
  store.takeOver("masks-1", { muted: true });
  assert.equal(store.guests.length, 0);
  assert.equal(store.canvas.instances[1].id, "masks-1");
  assert.equal(store.canvas.instances[1].muted, true);
});
