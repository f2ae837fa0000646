/** Select, move, resize; vertices of polygons; a click goes through a pile. */

import { changeInstance, findInstance, putShape } from "../../model/edits.js";
import { boundsOf } from "../../shapes/geometry.js";
import { cursorOf, gripAt } from "../../shapes/handles.js";
import { meantOfPile, nextOfPile } from "../../shapes/pick.js";
import {
  insertVertex,
  movedShapes,
  resized,
  scaledShapes,
  withVertex,
} from "../../shapes/transform.js";
import { REACH, STILL, within } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("../../model/schema.js").Canvas} Canvas */
/** @typedef {import("../../model/schema.js").Instance} Instance */

/**
 * The handle or vertex of the selected instance under the pointer.
 *
 * @param {Board} board
 * @param {Press} press
 */
export function gripUnder(board, press) {
  const { selected } = board.store;
  if (!selected || selected.locked || selected.hidden) return null;
  return gripAt(selected.shapes, press.at, (a, b) => board.distance(a, b), REACH);
}

/**
 * @param {Board} board
 * @returns {import("./tool.js").Tool}
 */
export function selectTool(board) {
  /** @type {{from: Press, change: (press: Press) => Canvas | null, moved: boolean} | null} */
  let drag = null;
  return {
    down(press) {
      const change = press.double ? null : changeOf(board, press);
      drag = { from: press, change: change ?? (() => null), moved: false };
      if (press.double) doubleClick(board, press);
    },
    move(press) {
      if (!drag) return;
      drag.moved ||= board.distance(drag.from.at, press.at) > STILL;
      if (drag.moved) board.store.preview(drag.change(press));
    },
    up(press) {
      if (!drag) return;
      const { moved, change, from } = drag;
      drag = null;
      const changed = moved ? change(press) : null;
      if (changed) board.store.commit(changed);
      else if (!from.double && !moved) clickThrough(board, from);
    },
    cancel() {
      drag = null;
      board.store.preview(null);
    },
    hover(press) {
      const grip = gripUnder(board, press);
      if (grip) return cursorOf(grip);
      return board.pile(press.at).length > 0 ? "move" : "default";
    },
  };
}

/**
 * What a drag from here does to the canvas; null: nothing is taken hold of.
 *
 * @param {Board} board
 * @param {Press} from
 * @returns {((press: Press) => Canvas | null) | null}
 */
function changeOf(board, from) {
  const { store } = board;
  const grip = gripUnder(board, from);
  if (grip && store.selected) return gripChange(store.canvas, store.selected, grip);
  const id = meantOfPile(board.pile(from.at), store.selectedId);
  const instance = findInstance(store.canvas, id);
  if (!instance) return null;
  const { canvas } = store;
  return (press) => {
    if (store.selectedId !== instance.id) store.select(instance.id);
    const shapes = movedShapes(instance.shapes, press.at[0] - from.at[0], press.at[1] - from.at[1]);
    return changeInstance(canvas, instance.id, { shapes });
  };
}

/**
 * @param {Canvas} canvas
 * @param {Instance} instance
 * @param {import("../../shapes/handles.js").Grip} grip
 * @returns {(press: Press) => Canvas}
 */
function gripChange(canvas, instance, grip) {
  if (grip.kind === "bounds") {
    const bounds = boundsOf(instance.shapes) ?? [0, 0, 1, 1];
    return (press) => {
      const to = resized(bounds, grip.handle, press.at, press.shift);
      return changeInstance(canvas, instance.id, {
        shapes: scaledShapes(instance.shapes, bounds, to),
      });
    };
  }
  const shape = instance.shapes[grip.shape];
  if (shape.kind !== "polygon") return () => canvas;
  return (press) => {
    const point = within(press.at);
    const points =
      grip.kind === "vertex"
        ? withVertex(shape.points, grip.vertex, point)
        : insertVertex(shape.points, grip.vertex, point);
    return putShape(canvas, instance.id, grip.shape, { ...shape, points });
  };
}

/** @param {Board} board @param {Press} press */
function clickThrough(board, press) {
  const { store } = board;
  const grip = gripUnder(board, press);
  if (grip?.kind === "vertex" && press.alt && store.selected) {
    const shape = store.selected.shapes[grip.shape];
    if (shape.kind !== "polygon") return;
    const points = withVertex(shape.points, grip.vertex, null);
    store.commit(putShape(store.canvas, store.selected.id, grip.shape, { ...shape, points }));
    return;
  }
  if (!grip) store.select(nextOfPile(board.pile(press.at), store.selectedId));
}

/** @param {Board} board @param {Press} press */
function doubleClick(board, press) {
  const { store } = board;
  const id = meantOfPile(board.pile(press.at), store.selectedId);
  if (!id) return;
  store.select(id);
  board.typeIn(id);
}
