/** Which instance a click means where several lie on a pile. */

/**
 * Instances under a point, the uppermost first. Hidden and locked ones cannot be picked.
 *
 * @param {import("../model/schema.js").Instance[]} instances
 * @param {(instance: import("../model/schema.js").Instance) => boolean} covered
 * @returns {string[]} ids
 */
export function pileAt(instances, covered) {
  return instances
    .filter((one) => !one.hidden && !one.locked && covered(one))
    .map((one) => one.id)
    .reverse();
}

/**
 * The one of a pile that is meant without a click through it: the selected one, else the uppermost.
 *
 * @param {string[]} pile
 * @param {string | null} selected
 * @returns {string | null}
 */
export function meantOfPile(pile, selected) {
  return selected !== null && pile.includes(selected) ? selected : (pile[0] ?? null);
}

/**
 * The next of a pile below the one that is selected; the uppermost if none of it is.
 *
 * @param {string[]} pile
 * @param {string | null} selected
 * @returns {string | null}
 */
export function nextOfPile(pile, selected) {
  if (pile.length === 0) return null;
  const place = selected === null ? -1 : pile.indexOf(selected);
  return pile[(place + 1) % pile.length];
}
