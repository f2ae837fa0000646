/** One instance in the list: its words, its switches, and its numbers while it is selected. */

import { changeInstance, findInstance, removeInstance } from "../model/edits.js";
import { colourOf, readableOn } from "../model/palette.js";
import { duplicateSelected, reorder } from "./keys.js";
import { iconButton, make } from "./dom.js";
import { makeLoras } from "./loras.js";
import { makeSeed } from "./seed.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {"strength" | "start" | "end" | "grow" | "reference"} NumberKey */

/** @type {[NumberKey, number, number, number][]} key, least, most, step */
const NUMBERS = [
  ["strength", 0, 10, 0.05],
  ["start", 0, 1, 0.01],
  ["end", 0, 1, 0.01],
  ["grow", 0, 512, 1],
  ["reference", 1, 100, 1],
];

/**
 * @param {Editor} editor
 * @param {string} id
 * @returns {{element: HTMLElement, update: (instance: Instance, number: number | null) => void}}
 */
export function makeRow(editor, id) {
  const { store, words } = editor;
  const change = (/** @type {Partial<Instance>} */ changes, /** @type {string | null} */ kind) =>
    store.commit(changeInstance(store.canvas, id, changes), { kind });
  const toggle = (/** @type {"locked" | "hidden" | "muted"} */ key) => () =>
    change({ [key]: !findInstance(store.canvas, id)?.[key] }, null);
  const badge = make("input", {
    type: "color",
    class: "ie-colour",
    title: words.colour,
    "aria-label": words.colour,
    onchange: () => change({ color: badge.value }, null),
  });
  const number = make("span", { class: "ie-number" });
  const text = make("textarea", {
    rows: 1,
    placeholder: words.instruction,
    "aria-label": words.instruction,
    "data-capture-wheel": "true",
    onfocus: () => store.select(id),
    oninput: () => change({ instruction: text.value }, `text ${id}`),
    onblur: () => store.history.part(),
  });
  const lock = iconButton("unlock", words.lock, toggle("locked"), { "data-act": "lock" });
  const hide = iconButton("eye", words.hide, toggle("hidden"), { "data-act": "hide" });
  const mute = iconButton("unmute", words.mute, toggle("muted"), { "data-act": "mute" });
  const remove = iconButton(
    "remove",
    words.remove,
    () => store.commit(removeInstance(store.canvas, id), { selected: null }),
    { "data-act": "remove" },
  );
  const seed = makeSeed(editor, change);
  const details = makeDetails(editor, change, id, seed.field);
  const element = make(
    "div",
    { class: "ie-row", role: "listitem", "data-id": id, onpointerdown: () => store.select(id) },
    make("label", { class: "ie-badge" }, number, badge),
    text,
    seed.again,
    hide,
    lock,
    mute,
    remove,
    details.element,
  );
  const update = (/** @type {Instance} */ instance, /** @type {number | null} */ shown) => {
    const colour = colourOf(instance, shown);
    badge.value = colour;
    number.textContent = shown === null ? "–" : String(shown);
    number.style.background = colour;
    number.style.color = readableOn(colour);
    if (text.value !== instance.instruction) text.value = instance.instruction;
    swap(lock, instance.locked, ["unlock", words.lock], ["lock", words.unlock]);
    swap(hide, instance.hidden, ["eye", words.hide], ["eyeOff", words.show]);
    swap(mute, instance.muted, ["unmute", words.mute], ["mute", words.unmute]);
    remove.disabled = text.readOnly = instance.locked;
    element.classList.toggle("ie-selected", id === store.selectedId);
    element.classList.toggle("ie-muted", instance.muted);
    seed.update(instance);
    details.update(instance);
  };
  return { element, update };
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} on
 * @param {[keyof typeof import("./icons.js").ICONS, string]} off
 * @param {[keyof typeof import("./icons.js").ICONS, string]} now
 */
function swap(button, on, off, now) {
  const [name, title] = on ? now : off;
  if (button.title === title && button.getAttribute("aria-pressed") === String(on)) return;
  button.title = title;
  button.setAttribute("aria-label", title);
  button.setAttribute("aria-pressed", String(on));
  button.replaceChildren(...iconButton(name, title, () => {}).childNodes);
}

/**
 * @param {Editor} editor
 * @param {(changes: Partial<Instance>, kind: string | null) => void} change
 * @param {string} id
 * @param {HTMLElement} seed
 */
function makeDetails(editor, change, id, seed) {
  const { words } = editor;
  const label = make("input", {
    type: "text",
    placeholder: words.label,
    "aria-label": words.label,
    oninput: () => change({ label: label.value }, `label ${id}`),
  });
  const inputs = NUMBERS.map(([key, min, max, step]) => {
    const input = make("input", {
      type: "number",
      ...{ min: String(min), max: String(max), step: String(step) },
      "data-key": key,
      "aria-label": words[key],
      placeholder: "–",
      onchange: () => change(changesOf(key, input.value, [min, max]), null),
    });
    return { key, input, element: make("label", { class: "ie-field" }, words[key], input) };
  });
  const loras = makeLoras(editor, change, id);
  const element = make(
    "div",
    { class: "ie-details" },
    label,
    ...inputs.map((one) => one.element),
    seed,
    iconButton("up", words.up, () => reorder(editor, -1), { "data-act": "up" }),
    iconButton("down", words.down, () => reorder(editor, 1), { "data-act": "down" }),
    iconButton("duplicate", words.duplicate, () => duplicateSelected(editor), {
      "data-act": "duplicate",
    }),
    loras.element,
  );
  const update = (/** @type {Instance} */ instance) => {
    loras.update(instance);
    if (label.value !== instance.label) label.value = instance.label;
    for (const { key, input } of inputs) {
      const value = instance[key];
      if (document.activeElement !== input) input.value = value === null ? "" : String(value);
    }
  };
  return { element, update };
}

/**
 * @param {NumberKey} key
 * @param {string} text
 * @param {[number, number]} range
 * @returns {Partial<Instance>} nothing where the text is no number
 */
function changesOf(key, text, [min, max]) {
  if (key === "reference" && text.trim() === "") return { reference: null };
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return {};
  const whole = key === "grow" || key === "reference" ? Math.round(value) : value;
  return { [key]: Math.min(Math.max(whole, min), max) };
}
