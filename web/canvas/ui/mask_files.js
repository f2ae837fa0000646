/** A mask out of a picture's file, as an instance with the file's name. */

import { BoxFault } from "../boxes/dialects.js";
import { makeInstance } from "../model/schema.js";
import { pixelsOf } from "./decoder.js";

const LARGEST = 4096;

/**
 * White, or opaque where the picture has transparent parts, is inside.
 *
 * @param {File} file
 * @returns {Promise<import("../model/schema.js").Instance>}
 */
export async function readMask(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture || Math.max(picture.width, picture.height) > LARGEST)
    throw new BoxFault("picture", { text: file.name });
  const values = maskValues(pixelsOf(picture));
  const png = base64(await encodeGreyPng(values, picture.width, picture.height));
  const label = file.name.replace(/\.\w+$/, "");
  return makeInstance({ id: file.name, label, shapes: [{ kind: "mask", op: "add", png }] });
}

/** @param {Uint8ClampedArray} pixels RGBA @returns {Uint8Array} */
export function maskValues(pixels) {
  const count = pixels.length / 4;
  const values = new Uint8Array(count);
  let clear = false;
  for (let n = 0; n < count; n += 1) clear ||= pixels[4 * n + 3] < 255;
  for (let n = 0; n < count; n += 1) {
    const [red, green, blue, alpha] = pixels.subarray(4 * n, 4 * n + 4);
    values[n] = clear ? alpha : Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return values;
}

/**
 * An 8-bit grey PNG: a canvas of the browser would write colours.
 *
 * @param {Uint8Array} values row after row
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Uint8Array>}
 */
export async function encodeGreyPng(values, width, height) {
  const lines = new Uint8Array((width + 1) * height); // each line begins with its filter, 0
  for (let row = 0; row < height; row += 1)
    lines.set(values.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(packed).arrayBuffer());
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 0, 0, 0, 0], 8);
  const parts = [
    Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", head),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {string} name @param {Uint8Array} data */
function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** @param {Uint8Array} bytes @returns {number} CRC-32 as PNG counts it */
function checksum(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** @param {Uint8Array} bytes */
export function base64(bytes) {
  let text = "";
  for (let n = 0; n < bytes.length; n += 8192)
    text += String.fromCharCode(...bytes.subarray(n, n + 8192));
  return btoa(text);
}
