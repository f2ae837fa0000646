/** The list of instances beside the picture; rows are kept while they are typed in. */

import { shownNumbers } from "../model/schema.js";
import { iconButton, make } from "./dom.js";
import { makeRow } from "./row.js";

/** @typedef {import("./editor.js").Editor} Editor */

/**
 * @param {Editor} editor
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function makeList(editor) {
  const { store, words } = editor;
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  const rows = new Map();
  const items = make("div", {
    class: "ie-items",
    role: "list",
    "aria-label": words.instances,
    "data-capture-wheel": "true",
    tabIndex: -1,
  });
  const guests = make("div", { class: "ie-guests", role: "list" });
  const add = iconButton("plus", words.add, () => editor.addInstance(), { "data-act": "add" });
  const element = make("div", { class: "ie-list" }, items, guests, add);
  let shownSelection = /** @type {string | null} */ (null);
  const update = () => {
    const { instances } = store.canvas;
    for (const [id, row] of rows)
      if (!instances.some((one) => one.id === id)) {
        row.element.remove();
        rows.delete(id);
      }
    const numbers = shownNumbers(instances);
    instances.forEach((instance, n) => {
      const row = rows.get(instance.id) ?? makeRow(editor, instance.id);
      rows.set(instance.id, row);
      if (items.children[n] !== row.element)
        items.insertBefore(row.element, items.children[n] ?? null);
      row.update(instance, numbers[n]);
    });
    if (store.selectedId !== shownSelection)
      reveal(items, rows.get(store.selectedId ?? "")?.element);
    shownSelection = store.selectedId;
    guests.replaceChildren(...store.guests.map((guest) => guestRow(editor, guest)));
  };
  return { element, update };
}

/**
 * Scrolled to, within the list alone: the page and the graph stay where they are.
 *
 * @param {HTMLElement} items
 * @param {HTMLElement | undefined} row
 */
function reveal(items, row) {
  if (!row) return;
  const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
  if (top < items.scrollTop) items.scrollTop = top;
  else if (bottom > items.scrollTop + items.clientHeight)
    items.scrollTop = bottom - items.clientHeight;
}

/**
 * What came in by a socket and is not on the canvas: it takes part in the run as it came.
 *
 * @param {Editor} editor
 * @param {import("../model/schema.js").Instance} guest
 */
function guestRow({ store, words }, guest) {
  const said = guest.instruction || guest.label || guest.id;
  const source = words.imported.replace("{source}", guest.id.replace(/-\d+$/, ""));
  return make(
    "div",
    { class: "ie-row ie-guest", role: "listitem", "data-id": guest.id, title: source },
    make("span", { class: "ie-said" }, said),
    make("button", { type: "button", onclick: () => store.takeOver(guest.id) }, words.takeOver),
    iconButton("mute", words.mute, () => store.takeOver(guest.id, { muted: true })),
  );
}
