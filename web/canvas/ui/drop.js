/** Files brought to the drawing area: a picture to draw on, or JSON to import. */

/**
 * Keep a picture to draw on, and say it if that is not what is drawn on then.
 *
 * @param {import("./editor.js").Editor} editor
 * @param {File} file
 */
export async function bringPicture(editor, file) {
  const { host, words } = editor;
  if (!(await host.upload(file))) editor.say(words.refusedPicture);
  else if (host.isLinked()) editor.say(words.linkedPicture);
}

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
      if (file.type.startsWith("image/")) void bringPicture(editor, file);
      else void file.text().then((text) => editor.openImport(text));
    },
    { signal },
  );
}
