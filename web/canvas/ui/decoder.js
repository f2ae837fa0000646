/** Masks that are kept as PNGs, decoded once each. */

/** @typedef {import("../grid/raster.js").Grey} Grey */
/** @typedef {{grey: Grey, shade: HTMLCanvasElement}} Decoded the shade has the mask as its alpha */

export class Decoder {
  /** @param {() => void} ready called when one more is decoded */
  constructor(ready) {
    this.ready = ready;
    /** @type {Map<string, Decoded | null>} null while it is on its way */
    this.known = new Map();
    this.decode = (/** @type {string} */ png) => this.get(png)?.grey ?? null;
  }

  /** @param {string} png base64 @returns {Decoded | null} */
  get(png) {
    const found = this.known.get(png);
    if (found !== undefined) return found;
    this.known.set(png, null);
    void this.load(png);
    return null;
  }

  /** @param {string} png */
  async load(png) {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const blob = new Blob([bytes], { type: "image/png" });
    const picture = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    this.known.set(png, shaded(greyOf(picture)));
    this.ready();
  }
}

/** @param {ImageBitmap | HTMLImageElement} picture @returns {Uint8ClampedArray} RGBA */
export function pixelsOf(picture) {
  const { width, height } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = context2d(canvas);
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

/** @param {ImageBitmap | HTMLImageElement} picture @returns {Grey} its red, where it is opaque */
export function greyOf(picture) {
  const { width, height } = picture;
  const data = pixelsOf(picture);
  const values = new Uint8Array(width * height);
  for (let n = 0; n < values.length; n += 1)
    values[n] = Math.round((data[4 * n] * data[4 * n + 3]) / 255);
  return { width, height, values };
}

/** @param {Grey} grey @returns {Decoded} */
function shaded(grey) {
  const { width, height, values } = grey;
  const shade = Object.assign(document.createElement("canvas"), { width, height });
  const pixels = new ImageData(width, height);
  for (let n = 0; n < values.length; n += 1) pixels.data[4 * n + 3] = values[n];
  context2d(shade).putImageData(pixels, 0, 0);
  return { grey, shade };
}

/** @param {HTMLCanvasElement} canvas */
export function context2d(canvas) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser draws no 2D canvas");
  return context;
}
