/** The LoRAs of one instance, while it is selected: a line each, and a choice that adds one. */

import { findInstance } from "../model/edits.js";
import { iconButton, make } from "./dom.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {import("../model/schema.js").Lora} Lora */
/** @typedef {(loras: Lora[]) => void} Write */

const MOST = 20;

/**
 * @param {Editor} editor
 * @param {(changes: Partial<Instance>, kind: string | null) => void} change
 * @param {string} id
 */
export function makeLoras(editor, change, id) {
  const { words } = editor;
  const lines = make("div", { class: "ie-loras" });
  const add = make("select", { "aria-label": words.addLora, title: words.addLora });
  const element = make("div", { class: "ie-loras" }, lines, add);
  let shown = "";
  const loras = () => findInstance(editor.store.canvas, id)?.loras ?? [];
  const write = (/** @type {Lora[]} */ changed) => change({ loras: changed }, null);
  add.addEventListener("change", () => {
    if (add.value) write([...loras(), { file: add.value }]);
  });
  const offer = () => fill(add, editor.host.loras(), words.addLora);
  add.addEventListener("pointerdown", offer);
  add.addEventListener("focus", offer);
  const update = (/** @type {Instance} */ instance) => {
    add.disabled = instance.locked;
    const told = JSON.stringify([instance.loras, instance.locked]);
    if (told === shown) return;
    shown = told;
    offer();
    lines.replaceChildren(
      ...instance.loras.map((lora, n) => makeLine(editor, instance, lora, n, write)),
    );
  };
  return { element, update };
}

/**
 * Files to choose from, under what the choice is for.
 *
 * @param {HTMLSelectElement} select
 * @param {string[]} files
 * @param {string} title
 */
function fill(select, files, title) {
  const options = files.map((file) => make("option", { value: file }, file));
  select.replaceChildren(make("option", { value: "" }, title), ...options);
}

/**
 * @param {Editor} editor
 * @param {Instance} instance
 * @param {Lora} lora
 * @param {number} number among the instance's
 * @param {Write} write
 */
function makeLine({ words }, instance, lora, number, write) {
  const others = instance.loras.filter((_, n) => n !== number);
  const strength = (/** @type {"image" | "text"} */ key, /** @type {string} */ title) => {
    const input = make("input", {
      type: "number",
      ...{ min: String(-MOST), max: String(MOST), step: "0.05", value: String(lora[key] ?? 1) },
      ...{ title, "aria-label": `${title}: ${lora.file}`, disabled: instance.locked },
      onchange: () => {
        const value = Number(input.value);
        if (input.value.trim() === "" || !Number.isFinite(value)) return;
        const changed = { ...lora, [key]: Math.min(Math.max(value, -MOST), MOST) };
        write(instance.loras.map((one, n) => (n === number ? changed : one)));
      },
    });
    return input;
  };
  return make(
    "div",
    { class: "ie-lora" },
    make("span", { class: "ie-said", title: lora.file }, lora.file),
    strength("image", words.loraImage),
    strength("text", words.loraText),
    iconButton("remove", words.removeLora, () => write(others), { disabled: instance.locked }),
  );
}
