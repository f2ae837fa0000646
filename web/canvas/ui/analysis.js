/** Cells and findings of a canvas, worked out again only for the instances that changed. */

import { gridOf, ownedCells } from "../grid/cells.js";
import { findProblems } from "../grid/findings.js";

/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {import("../grid/cells.js").Owned} Owned */
/**
 * @typedef {object} Report
 * @property {import("../grid/cells.js").Grid} grid
 * @property {Map<string, Owned>} owned by the instances' ids
 * @property {import("../grid/findings.js").Finding[]} findings
 * @property {number} covered cells that some instance owns
 */

export class Analysis {
  /** @param {import("../grid/raster.js").Decode} decode */
  constructor(decode) {
    this.decode = decode;
    /** @type {Map<string, {shapes: unknown, key: string, owned: Owned}>} */
    this.kept = new Map();
  }

  /** What was worked out with masks that were not decoded yet is worked out anew. */
  forget() {
    this.kept.clear();
  }

  /**
   * @param {import("../model/schema.js").Canvas} canvas
   * @param {import("../model/schema.js").Size} size of the picture
   * @returns {Report}
   */
  report(canvas, size) {
    const grid = gridOf(size);
    const owned = new Map(
      canvas.instances.map((one) => [one.id, this.ownedBy(one, canvas, size, grid)]),
    );
    this.kept = new Map([...this.kept].filter(([id]) => owned.has(id)));
    const taking = canvas.instances
      .filter((one) => !one.muted)
      .map((instance) => ({ instance, owned: /** @type {Owned} */ (owned.get(instance.id)) }));
    const findings = findProblems(taking, grid, size, canvas.size);
    const covered = taking[0]?.owned.cells.reduce(
      (sum, _, n) => sum + Number(taking.some((one) => one.owned.cells[n])),
      0,
    );
    return { grid, owned, findings, covered: covered ?? 0 };
  }

  /**
   * @param {Instance} instance
   * @param {import("../model/schema.js").Canvas} canvas
   * @param {import("../model/schema.js").Size} size
   * @param {import("../grid/cells.js").Grid} grid of that size
   * @returns {Owned}
   */
  ownedBy(instance, canvas, size, grid) {
    const counted = canvas.size ?? size;
    const key = `${size} ${instance.grow} ${counted}`;
    const kept = this.kept.get(instance.id);
    if (kept && kept.shapes === instance.shapes && kept.key === key) return kept.owned;
    const owned = ownedCells(instance, size, grid, this.decode, counted);
    this.kept.set(instance.id, { shapes: instance.shapes, key, owned });
    return owned;
  }
}
