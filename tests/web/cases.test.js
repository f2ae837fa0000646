/** The cells that the canvas shows are the cells that Python gives: one table for both. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { findProblems } from "../../web/canvas/grid/findings.js";
import { ownedCells } from "../../web/canvas/grid/cells.js";
import { rasterSize } from "../../web/canvas/grid/raster.js";
import { parseCanvas } from "../../web/canvas/model/schema.js";

const { codes, cases } = JSON.parse(
  readFileSync(new URL("../canvas_cases.json", import.meta.url), "utf8"),
);

/** @param {any} one */
function decoderOf(one) {
  return (/** @type {string} */ png) => {
    const rows = one.pixels[png];
    return { height: rows.length, width: rows[0].length, values: Uint8Array.from(rows.flat()) };
  };
}

/** @param {any} one */
function takingPart(one) {
  const { canvas } = parseCanvas(JSON.stringify({ version: 1, instances: one.instances }));
  assert.ok(canvas);
  const grid = { rows: one.grid[0], columns: one.grid[1], extent: one.extent };
  const taking = canvas.instances
    .filter((instance) => !instance.muted)
    .map((instance) => ({
      instance,
      owned: ownedCells(instance, one.size, grid, decoderOf(one)),
    }));
  return { taking, grid };
}

for (const one of cases)
  test(`canvas: ${one.name}`, () => {
    const { taking, grid } = takingPart(one);
    const shown = taking.map(({ owned }) =>
      Array.from({ length: grid.rows }, (_, row) =>
        [...owned.cells.slice(row * grid.columns, (row + 1) * grid.columns)]
          .map((cell) => (cell ? "#" : "."))
          .join(""),
      ),
    );
    assert.deepEqual(shown, one.cells);
    const shapes = taking.flatMap(({ instance }) => instance.shapes);
    assert.deepEqual(rasterSize(one.size, shapes, decoderOf(one)), one.raster);
    const found = findProblems(taking, grid, one.size, null)
      .filter(({ code }) => codes.includes(code))
      .map(({ code, numbers }) => `${code}:${numbers.join(",")}`);
    assert.deepEqual(found, one.findings);
  });
