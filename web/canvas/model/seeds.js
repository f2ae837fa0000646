/** Seeds of single instances: whole numbers of up to 64 bits, of which a number holds 53. */

/** @typedef {number | object | null} Seed an object where it is too large for a number */

const MOST = 2n ** 64n - 1n;

/**
 * A seed as somebody typed it.
 *
 * @param {string} text
 * @returns {Seed | undefined} null where nothing was typed, undefined where it is no seed
 */
export function readSeed(text) {
  const digits = text.trim();
  if (digits === "") return null;
  if (!/^\d+$/.test(digits) || BigInt(digits) > MOST) return undefined;
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value;
  return /** @type {any} */ (JSON).rawJSON?.(String(BigInt(digits)));
}

/** @param {Seed} seed */
export function seedText(seed) {
  return seed === null ? "" : JSON.stringify(seed);
}

/** A seed that was drawn by lot, short enough to be read. */
export function anotherSeed() {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0];
}
