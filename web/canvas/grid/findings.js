/** What the validator will say of a canvas: the codes of mask_ops/validate.py, in its order. */

import { keptShare, HALF, TOUCH } from "./cells.js";

/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {import("../model/schema.js").Size} Size */
/** @typedef {import("./cells.js").Grid} Grid */
/** @typedef {import("./cells.js").Owned} Owned */
/** @typedef {{code: string, numbers: number[], values: Record<string, string | number>}} Finding */

const LOST = 0.75;
const FAINT = 0.6;
const APART = 8;
const LATENT_CELL = 8;
const PAIRS_NAMED = 12;
const DUPLICATE = 0.999;

/**
 * Findings about the instances that take part, in their order, then pairs, then the picture.
 *
 * @param {{instance: Instance, owned: Owned}[]} taking those that take part
 * @param {Grid} grid
 * @param {Size | null} size of the picture
 * @param {Size | null} drawn size of the picture that it was drawn on
 * @returns {Finding[]}
 */
export function findProblems(taking, grid, size, drawn) {
  const each = taking.flatMap(({ instance, owned }, n) =>
    aboutOne(instance, owned, grid).map(([code, values]) => ({ code, numbers: [n + 1], values })),
  );
  return [...each, ...aboutPairs(taking.map(({ owned }) => owned)), ...aboutPicture(size, drawn)];
}

/**
 * @param {Instance} instance
 * @param {Owned} owned
 * @param {Grid} grid
 * @returns {[string, Record<string, string | number>][]}
 */
function aboutOne(instance, owned, grid) {
  /** @type {[string, Record<string, string | number>][]} */
  const found = [];
  const { count, area, share } = owned;
  const all = count === grid.rows * grid.columns;
  if (count === 0) found.push(["empty", {}]);
  else if (area < 1) found.push(["tiny", { area: area.toFixed(2), cells: count }]);
  else if (share) found.push(...aboutRounding(owned, share, grid));
  if (count > 0 && owned.faint !== null && owned.faint > FAINT)
    found.push(["faint", { percent: percent(owned.faint) }]);
  if (all) found.push(["whole", {}]);
  else if (share && insideOut(owned, grid)) found.push(["inverted", {}]);
  if (instance.instruction.trim() === "") found.push(["no instruction", {}]);
  if (owned.box && !all && owned.box.some((value, n) => (n < 2 ? value <= 0 : value >= 1)))
    found.push(["edge", {}]);
  return found;
}

/**
 * What rounding to cells adds to a mask or takes from it.
 *
 * @param {Owned} owned
 * @param {Float64Array} share
 * @param {Grid} grid
 * @returns {[string, Record<string, string | number>][]}
 */
function aboutRounding({ cells, count }, share, grid) {
  const half = share.reduce((total, value) => total + Number(value >= HALF - TOUCH), 0);
  if (count > half) {
    const covered = share.reduce((total, value, n) => total + value * cells[n], 0) / count;
    return [["thin", { cells: count, percent: percent(covered) }]];
  }
  const kept = keptShare(share, cells);
  const apart = share.reduce(
    (total, value, n) => total + Number(value > TOUCH && !nearOwned(cells, n, grid)),
    0,
  );
  return kept < LOST || apart >= APART ? [["lost", { percent: percent(1 - kept) }]] : [];
}

/**
 * @param {Uint8Array} cells
 * @param {number} place
 * @param {Grid} grid
 */
function nearOwned(cells, place, { rows, columns }) {
  const [row, column] = [Math.floor(place / columns), place % columns];
  for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r += 1)
    for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c += 1)
      if (cells[r * columns + c]) return true;
  return false;
}

/** @param {Owned} owned @param {Grid} grid */
function insideOut({ cells, count }, { rows, columns }) {
  const corners = [0, columns - 1, (rows - 1) * columns, rows * columns - 1];
  return corners.every((place) => cells[place]) && count / cells.length > HALF;
}

/** @param {Owned[]} owned @returns {Finding[]} */
function aboutPairs(owned) {
  /** @type {Finding[]} */
  const found = [];
  let pairs = 0;
  owned.forEach((a, n) =>
    owned.slice(n + 1).forEach((b, m) => {
      const common = a.cells.reduce((total, cell, place) => total + cell * b.cells[place], 0);
      if (common === 0) return;
      pairs += 1;
      if (pairs > PAIRS_NAMED) return;
      const same = common >= DUPLICATE * Math.max(a.count, b.count);
      const share = percent(common / Math.min(a.count, b.count));
      found.push({
        code: same ? "duplicate" : "overlap",
        numbers: [n + 1, n + m + 2],
        values: { cells: common, percent: share },
      });
    }),
  );
  if (pairs > PAIRS_NAMED)
    found.push({ code: "more overlaps", numbers: [], values: { pairs: pairs - PAIRS_NAMED } });
  return found;
}

/** @param {Size | null} size @param {Size | null} drawn @returns {Finding[]} */
function aboutPicture(size, drawn) {
  /** @type {Finding[]} */
  const found = [];
  if (size && drawn && !sameShape(size, drawn))
    found.push({ code: "aspect", numbers: [], values: { drawn: shown(drawn), size: shown(size) } });
  if (size && size.some((side) => side % LATENT_CELL))
    found.push({ code: "odd size", numbers: [], values: { size: shown(size) } });
  return found;
}

/**
 * Whether two sizes have one aspect, up to the rounding of whole pixels.
 *
 * @param {Size} one
 * @param {Size} other
 */
export function sameShape([h, w], [high, wide]) {
  return (
    Math.abs(h - (high * w) / wide) <= 1 ||
    Math.abs(w - (wide * h) / high) <= 1 ||
    Math.abs(high - (h * wide) / w) <= 1 ||
    Math.abs(wide - (w * high) / h) <= 1
  );
}

/** @param {Size} size */
function shown([height, width]) {
  return `${width} × ${height}`;
}

/** @param {number} share */
function percent(share) {
  return Math.round(share * 100);
}
