/** Import of boxes as text, of JSON, and of masks as pictures; nothing is guessed. */

import { BoxFault, DIALECTS, AS_LABELLED } from "../boxes/dialects.js";
import { parseBoxes } from "../boxes/forms.js";
import { pasteInstances } from "../model/edits.js";
import { makeInstance, parseCanvas } from "../model/schema.js";
import { faultText, filled } from "../words/words.js";
import { make } from "./dom.js";
import { readMask } from "./mask_files.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../model/schema.js").Instance} Instance */
/** @typedef {{found: Instance[], fault: {code: string, values: Record<string, any>} | null}} Reading */

/**
 * What a text holds: a canvas, else boxes in the chosen dialect.
 *
 * @param {string} text
 * @param {import("../model/schema.js").Size} size
 * @param {string} dialect
 * @returns {Reading}
 */
export function readImport(text, size, dialect) {
  if (text.trim() === "") return { found: [], fault: null };
  const { canvas, problem } = parseCanvas(text);
  if (canvas) return { found: canvas.instances, fault: null };
  if (/"version"\s*:/.test(text) && /"instances"\s*:/.test(text))
    return { found: [], fault: { code: "canvas", values: { text: problem } } };
  try {
    const found = parseBoxes(text, size, dialect).map(({ box, text: instruction }, n) =>
      makeInstance({ id: `i${n}`, instruction, shapes: [{ kind: "box", op: "add", box }] }),
    );
    return { found, fault: null };
  } catch (error) {
    if (error instanceof BoxFault) return { found: [], fault: error };
    throw error;
  }
}

/**
 * @param {Editor} editor
 * @param {string} given text to begin with
 */
export function openImportDialog(editor, given) {
  const { store, words } = editor;
  /** @type {Instance[]} */
  let masks = [];
  /** @type {Reading} */
  let reading = { found: [], fault: null };
  const text = make("textarea", { rows: 8, value: given, "aria-label": words.paste });
  const names = DIALECTS.map((name) => (name === AS_LABELLED ? words.asLabelled : name));
  const dialect = make(
    "select",
    { "aria-label": words.dialect },
    ...DIALECTS.map((value, n) => make("option", { value }, names[n])),
  );
  const files = make("input", { type: "file", multiple: true, accept: "image/*,.json,.txt" });
  const said = make("p", { class: "ie-import-said", role: "status" });
  const take = make("button", { type: "button", "data-act": "take" }, words.take);
  const form = make(
    "dialog",
    { class: "ie-import", "aria-label": words.import },
    make("p", {}, words.paste),
    text,
    make("label", { class: "ie-field" }, words.dialect, dialect),
    files,
    said,
    make("div", { class: "ie-group" }, take, closeButton(words.close)),
  );
  const show = () => {
    reading = readImport(text.value, editor.size, dialect.value);
    const all = [...reading.found, ...masks];
    dialect.classList.toggle("ie-asked", reading.fault?.code === "ambiguous");
    said.textContent = reading.fault
      ? faultText(words, reading.fault)
      : [filled(words.found, { count: all.length }), ...all.slice(0, 8).map(shownName)].join("\n");
    take.disabled = reading.fault !== null || all.length === 0;
    editor.change({ ghosts: reading.fault ? [] : all });
  };
  const read = async () => {
    for (const file of files.files ?? []) {
      if (!file.type.startsWith("image/")) text.value = await file.text();
      else masks = [...masks, await readMask(file)];
    }
    show();
  };
  text.addEventListener("input", show);
  dialect.addEventListener("change", show);
  files.addEventListener("change", () => {
    read().catch((error) => (said.textContent = faultText(words, asFault(error))));
  });
  take.addEventListener("click", () => {
    const pasted = pasteInstances(store.canvas, [...reading.found, ...masks]);
    form.close();
    store.commit(pasted.canvas, { selected: pasted.id });
  });
  showDialog(form, () => editor.change({ ghosts: [] }));
  show();
}

/** @param {HTMLDialogElement} form @param {() => void} closed */
function showDialog(form, closed) {
  for (const name of ["keydown", "keyup", "pointerdown", "wheel", "paste", "copy", "cut"])
    form.addEventListener(name, (event) => event.stopPropagation());
  form.addEventListener("close", () => {
    form.remove();
    closed();
  });
  document.body.append(form);
  form.showModal();
}

/** @param {string} title */
function closeButton(title) {
  const close = (/** @type {any} */ event) => event.target.closest("dialog").close();
  return make("button", { type: "button", onclick: close }, title);
}

/** @param {Instance} instance */
function shownName(instance) {
  const [shape] = instance.shapes;
  const place = shape?.kind === "box" ? shape.box.map((value) => value.toFixed(3)).join(", ") : "";
  return `• ${instance.instruction || instance.label || "…"}  ${place}`;
}

/** @param {unknown} error */
function asFault(error) {
  return error instanceof BoxFault
    ? error
    : new BoxFault("picture", { text: error instanceof Error ? error.message : String(error) });
}
