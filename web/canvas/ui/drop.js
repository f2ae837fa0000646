/** Files dropped on the drawing area: a picture to draw on, or JSON to import. */

/**
 * @param {import("./editor.js").Editor} editor
 * @param {HTMLElement} stage
 * @param {AbortSignal} signal
 */
export function listenToFiles(editor, stage, signal) {
  const hasFiles = (/** @type {DragEvent} */ event) =>
    [...(event.dataTransfer?.types ?? [])].includes("Files");
  stage.addEventListener(
    "dragover",
    (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  stage.addEventListener(
    "drop",
    (event) => {
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      event.stopPropagation();
      if (file.type.startsWith("image/")) editor.host.upload(file);
      else void file.text().then((text) => editor.openImport(text));
    },
    { signal },
  );
}
