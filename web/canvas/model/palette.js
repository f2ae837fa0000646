/** Colours that colour-blind people can tell apart, the same as in the Python previews. */

/** Okabe and Ito's palette, without its black. */
export const PALETTE = [
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#f0e442",
  "#0072b2",
  "#d55e00",
  "#cc79a7",
];
export const INK = "#1b1e26";
export const PAPER = "#ffffff";
const MUTED = "#9a9da6";

/**
 * @param {{color: string | null}} instance
 * @param {number | null} number 1-based; null where it takes no part
 * @returns {string} "#rrggbb"
 */
export function colourOf(instance, number) {
  if (number === null) return MUTED;
  return instance.color ?? PALETTE[(number - 1) % PALETTE.length];
}

/**
 * Black or white, whichever can be read on a colour.
 *
 * @param {string} colour "#rrggbb"
 */
export function readableOn(colour) {
  const [red, green, blue] = channels(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 125 ? INK : PAPER;
}

/**
 * @param {string} colour "#rrggbb"
 * @param {number} alpha 0 .. 1
 */
export function withAlpha(colour, alpha) {
  return `rgba(${channels(colour).join(", ")}, ${alpha})`;
}

/** @param {string} colour @returns {number[]} */
export function channels(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
