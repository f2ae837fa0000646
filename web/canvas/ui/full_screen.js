/** The canvas in a dialog that fills the window; the same elements, moved there and back. */

import { iconButton, make } from "./dom.js";

/**
 * @param {HTMLElement} root the editor's elements
 * @param {HTMLElement} home where they belong
 * @param {{title: string, close: string}} words
 * @param {() => void} changed called when it opened and when it closed
 * @returns {{close: () => void}}
 */
export function openFullScreen(root, home, words, changed) {
  const dialog = make(
    "dialog",
    { class: "ie-full", "aria-label": words.title },
    make(
      "header",
      {},
      make("strong", {}, words.title),
      iconButton("close", words.close, () => dialog.close(), { "data-act": "close" }),
    ),
    root,
  );
  for (const name of ["keydown", "keyup", "pointerdown", "wheel"])
    dialog.addEventListener(name, (event) => event.stopPropagation());
  // Escape means first what it means to the canvas: end a polygon, let go.
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("canvas, textarea") === document.activeElement) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    home.append(root);
    dialog.remove();
    changed();
  });
  document.body.append(dialog);
  dialog.showModal();
  changed();
  return { close: () => dialog.close() };
}
