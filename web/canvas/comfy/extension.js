/** What the front end calls: nodes get their canvas, menus and commands open it. */

import { canvasesAmong, meantCanvas } from "./find_canvas.js";
import { openCanvas, attachCanvas, canvasOf, forEachCanvas, takePlaces } from "./node.js";
import { bringPhotographs, offerPhotograph } from "./photographs.js";
import { shortenNumbers } from "./small_numbers.js";
import { addStyle } from "./style.js";
import { watchResults } from "./results.js";
import { sortTemplates } from "./templates.js";
import { colourWires } from "./wires.js";
import { wordsOf } from "../words/words.js";

export const NODE = "InstanceEditCanvas";
const WITH_SMALL_NUMBERS = "InstanceEditBuildBias";
const COMMAND = "InstanceEdit.OpenCanvas";
const SAID_MS = 5000;

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
        function: () => openMeant(app, wordsOf(locale())),
      },
    ],
    getNodeMenuItems(node) {
      const { menuOpen } = wordsOf(locale());
      const found = canvasesAmong([node], isCanvas);
      const name = (/** @type {any} */ one) => (one === node ? "" : `: ${one.title}`);
      return found.map((one) => ({
        content: menuOpen + name(one),
        callback: () => openCanvas(one),
      }));
    },
    getSelectionToolboxCommands(item) {
      return canvasesAmong([item], isCanvas).length > 0 ? [COMMAND] : [];
    },
    init() {
      sortTemplates(api);
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

/** @param {any} node */
function isCanvas(node) {
  return canvasOf(node) !== null;
}

/** @param {any} app @param {typeof import("../words/en.js").en} words */
function openMeant(app, words) {
  const node = meantCanvas(app, isCanvas);
  if (node) return openCanvas(node);
  const said = { severity: "info", summary: words.canvas, detail: words.chooseCanvas };
  app.extensionManager?.toast?.add({ ...said, life: SAID_MS });
}
