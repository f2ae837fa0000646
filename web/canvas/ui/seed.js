/** The seed of one instance: a button that draws lots for another, and a field to type one. */

import { anotherSeed, readSeed, seedText } from "../model/seeds.js";
import { iconButton, make } from "./dom.js";

/** @typedef {import("../model/schema.js").Instance} Instance */

/**
 * @param {import("./editor.js").Editor} editor
 * @param {(changes: Partial<Instance>, kind: string | null) => void} change
 */
export function makeSeed(editor, change) {
  const { words } = editor;
  const again = iconButton("again", words.again, () => change({ seed: anotherSeed() }, null), {
    "data-act": "again",
  });
  const input = make("input", {
    type: "text",
    inputMode: "numeric",
    class: "ie-seed",
    "data-key": "seed",
    "aria-label": words.seed,
    placeholder: "–",
    onchange: () => {
      const seed = readSeed(input.value);
      if (seed === undefined) editor.say(words.badSeed);
      else change({ seed }, null);
    },
  });
  const field = make("label", { class: "ie-field" }, words.seed, input);
  const update = (/** @type {Instance} */ { seed, locked }) => {
    again.disabled = input.disabled = locked;
    if (document.activeElement !== input) input.value = seedText(seed);
  };
  return { again, field, update };
}
