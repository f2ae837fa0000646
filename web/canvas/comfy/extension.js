/** What the front end calls: nodes get their canvas, menus and commands open it. */

import { openCanvas, attachCanvas, canvasOf, forEachCanvas, takePlaces } from "./node.js";
import { bringPhotographs, offerPhotograph } from "./photographs.js";
import { shortenNumbers } from "./small_numbers.js";
import { addStyle } from "./style.js";
import { watchResults } from "./results.js";
import { colourWires } from "./wires.js";
import { wordsOf } from "../words/words.js";

export const NODE = "InstanceEditCanvas";
const WITH_SMALL_NUMBERS = "InstanceEditBuildBias";
const COMMAND = "InstanceEdit.OpenCanvas";

/**
 * @param {any} app ComfyUI's application
 * @param {any} api its connection to the server
 * @returns {import("@comfyorg/comfyui-frontend-types").ComfyExtension}
 */
export function canvasExtension(app, api) {
  const locale = () => app.extensionManager?.setting?.get("Comfy.Locale");
  return {
    name: "InstanceEdit.Canvas",
    commands: [
      {
        id: COMMAND,
        icon: "pi pi-window-maximize",
        label: () => wordsOf(locale()).menuOpen,
        function: () => openCanvas(selectedNode(app)),
      },
    ],
    getNodeMenuItems(node) {
      if (!canvasOf(node)) return [];
      return [{ content: wordsOf(locale()).menuOpen, callback: () => openCanvas(node) }];
    },
    getSelectionToolboxCommands(item) {
      return canvasOf(item) ? [COMMAND] : [];
    },
    setup() {
      addStyle();
      watchResults(app, api);
      app.canvas?.canvas?.addEventListener("litegraph:set-graph", () => takePlaces(app));
      app.ui?.settings?.addEventListener?.("Comfy.Locale.change", followLocale);
    },
    beforeConfigureGraph(graph) {
      return bringPhotographs(graph, api);
    },
    afterConfigureGraph() {
      colourWires(app);
    },
    loadedGraphNode(node) {
      offerPhotograph(node);
    },
    nodeCreated(node) {
      const kind = /** @type {any} */ (node.constructor).comfyClass;
      if (kind === NODE) attachCanvas(node, app, api, locale());
      if (kind === WITH_SMALL_NUMBERS) shortenNumbers(node);
    },
  };
}

/** @param {CustomEvent<{value: string}>} event the setting itself still has the value before */
function followLocale({ detail }) {
  forEachCanvas((editor) => editor.setLocale(detail.value));
}

/** @param {any} app */
function selectedNode(app) {
  const selected = [...(app.canvas?.selectedItems ?? [])];
  return selected.find((item) => canvasOf(item)) ?? null;
}
