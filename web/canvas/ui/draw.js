/** Draws the picture, the instances and their cells. */

import { colourOf, readableOn, withAlpha } from "../model/palette.js";
import { shownNumbers } from "../model/schema.js";
import { toPixel } from "../model/viewport.js";
import { boundsOf } from "../shapes/geometry.js";
import { drawCells, drawGrip, drawResult } from "./draw_marks.js";

/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {import("../model/schema.js").Shape} Shape */
/** @typedef {CanvasRenderingContext2D} Context */
/**
 * @typedef {object} Scene
 * @property {import("../model/schema.js").Canvas} canvas
 * @property {string | null} selected
 * @property {Instance[]} guests instances that came in by the sockets
 * @property {import("../model/schema.js").Size} size of the picture
 * @property {import("../model/viewport.js").Viewport} view
 * @property {HTMLImageElement | null} picture
 * @property {HTMLImageElement | null} result
 * @property {number} split share of the picture from which the result is shown
 * @property {number} brightness 0 .. 1
 * @property {import("./analysis.js").Report | null} report cells are shown if it is there
 * @property {Shape | null} draft what is being drawn
 * @property {boolean} taking whether the draft takes away
 * @property {import("./decoder.js").Decoder} decoder
 * @property {HTMLCanvasElement} layer for drawing one instance
 */

const COVER = 0.3;
const COVER_SELECTED = 0.42;

/** @param {Context} context @param {Scene} scene @param {number} ratio device pixels per CSS pixel */
export function draw(context, scene, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawPicture(context, scene);
  const numbers = shownNumbers(scene.canvas.instances);
  const shown = scene.canvas.instances
    .map((one, n) => ({ one, colour: colourOf(one, numbers[n]), number: numbers[n] }))
    .filter(({ one }) => !one.hidden);
  for (const { one, colour } of shown) drawInstance(context, scene, one, colour, ratio);
  for (const guest of scene.guests)
    drawInstance(context, scene, guest, colourOf(guest, null), ratio, true);
  if (scene.report)
    for (const { one, colour } of shown)
      drawCells(context, scene, scene.report, one.id, colour, one.id === scene.selected);
  for (const { one, colour, number } of shown) drawName(context, scene, one, colour, number);
  if (scene.draft) outline(context, scene, scene.draft, scene.taking ? "#ff5050" : "#ffffff", true);
  const selected = shown.find(({ one }) => one.id === scene.selected);
  if (selected && !selected.one.locked) drawGrip(context, scene, selected.one.shapes);
}

/** @param {Context} context @param {Scene} scene */
function drawPicture(context, scene) {
  const { size, view, picture, brightness } = scene;
  const [x, y] = toPixel(view, size, [0, 0]);
  const [width, height] = [size[1] * view.scale, size[0] * view.scale];
  context.fillStyle = "#26282e";
  context.fillRect(x, y, width, height);
  if (picture) context.drawImage(picture, x, y, width, height);
  if (scene.result) drawResult(context, scene, scene.result);
  context.fillStyle = `rgba(0, 0, 0, ${1 - brightness})`;
  context.fillRect(x, y, width, height);
  context.strokeStyle = "rgba(255, 255, 255, 0.35)";
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}

/**
 * What an instance covers, with what was taken away left out, then the lines of its shapes.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {Instance} instance
 * @param {string} colour
 * @param {number} ratio
 * @param {boolean} [guest]
 */
function drawInstance(context, scene, instance, colour, ratio, guest = false) {
  const { layer } = scene;
  const { width, height } = context.canvas;
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
  const pad = layer.getContext("2d");
  if (!pad) return;
  pad.setTransform(1, 0, 0, 1, 0, 0);
  pad.globalCompositeOperation = "source-over";
  pad.clearRect(0, 0, width, height);
  pad.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const shape of instance.shapes) {
    pad.globalCompositeOperation = shape.op === "add" ? "source-over" : "destination-out";
    fill(pad, scene, shape);
  }
  pad.globalCompositeOperation = "source-in";
  pad.fillStyle = colour;
  pad.setTransform(1, 0, 0, 1, 0, 0);
  pad.fillRect(0, 0, width, height);
  const selected = instance.id === scene.selected;
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = (selected ? COVER_SELECTED : COVER) * (instance.muted ? 0.5 : 1);
  context.drawImage(layer, 0, 0);
  context.restore();
  context.lineWidth = selected ? 2.5 : 1.5;
  for (const shape of instance.shapes)
    if (shape.kind !== "stroke" && (shape.op === "add" || selected))
      outline(context, scene, shape, colour, guest || instance.muted || shape.op === "subtract");
}

/** @param {Context} context @param {Scene} scene @param {Shape} shape */
function fill(context, scene, shape) {
  context.fillStyle = "#000";
  if (shape.kind === "mask") {
    const decoded = scene.decoder.get(shape.png);
    const [x, y] = toPixel(scene.view, scene.size, [0, 0]);
    const [height, width] = scene.size.map((side) => side * scene.view.scale);
    if (decoded) context.drawImage(decoded.shade, x, y, width, height);
    return;
  }
  trace(context, scene, shape);
  if (shape.kind === "stroke") context.stroke();
  else context.fill("evenodd");
}

/**
 * The path of a shape; a stroke's line is as wide as its brush.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {Exclude<Shape, import("../model/schema.js").MaskShape>} shape
 */
function trace(context, { view, size }, shape) {
  context.beginPath();
  if (shape.kind === "box") {
    const [x1, y1] = toPixel(view, size, [shape.box[0], shape.box[1]]);
    const [x2, y2] = toPixel(view, size, [shape.box[2], shape.box[3]]);
    context.rect(x1, y1, x2 - x1, y2 - y1);
    return;
  }
  const points = shape.points.map((point) => toPixel(view, size, point));
  context.moveTo(...points[0]);
  for (const point of points) context.lineTo(...point);
  if (shape.kind === "polygon") context.closePath();
  else {
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "#000";
    context.lineWidth = 2 * shape.radius * Math.min(...size) * view.scale;
  }
}

/**
 * @param {Context} context
 * @param {Scene} scene
 * @param {Shape} shape
 * @param {string} colour
 * @param {boolean} dashed
 */
function outline(context, scene, shape, colour, dashed) {
  if (shape.kind === "mask") return;
  const { lineWidth } = context;
  context.save();
  trace(context, scene, shape);
  if (shape.kind === "stroke") {
    context.strokeStyle = withAlpha(colour, 0.5);
  } else {
    context.setLineDash(dashed ? [6, 4] : []);
    context.lineWidth = lineWidth + 1.5;
    context.strokeStyle = "rgba(0, 0, 0, 0.45)";
    context.stroke();
    context.lineWidth = lineWidth;
    context.strokeStyle = colour;
  }
  context.stroke();
  context.restore();
}

/**
 * The number and the first words, at the upper left of what the instance covers.
 *
 * @param {Context} context
 * @param {Scene} scene
 * @param {Instance} instance
 * @param {string} colour
 * @param {number | null} number
 */
function drawName(context, scene, instance, colour, number) {
  const bounds = boundsOf(instance.shapes);
  if (!bounds) return;
  const [x, y] = toPixel(scene.view, scene.size, [bounds[0], bounds[1]]);
  const [right] = toPixel(scene.view, scene.size, [bounds[2], bounds[1]]);
  const badge = number === null ? "–" : String(number);
  context.font = "bold 12px sans-serif";
  context.textBaseline = "middle";
  const wide = Math.max(18, context.measureText(badge).width + 8);
  context.fillStyle = colour;
  context.fillRect(x, y, wide, 18);
  context.fillStyle = readableOn(colour);
  context.fillText(badge, x + (wide - context.measureText(badge).width) / 2, y + 9.5);
  const said = instance.instruction.trim() || instance.label;
  if (!said) return;
  context.font = "12px sans-serif";
  const text = shortened(context, said, Math.max(right - x - wide - 8, 60));
  context.fillStyle = "rgba(20, 22, 28, 0.78)";
  context.fillRect(x + wide, y, context.measureText(text).width + 8, 18);
  context.fillStyle = "#fff";
  context.fillText(text, x + wide + 4, y + 9.5);
}

/** @param {Context} context @param {string} text @param {number} room */
function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let kept = text;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
  return `${kept}…`;
}
