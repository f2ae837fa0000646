/** The last picture that came out of a run behind a canvas, for before and after. */

import { forEachCanvas } from "./node.js";

const PREVIEW = /^InstanceEditPreview/;

/**
 * @param {any} app
 * @param {any} api
 */
export function watchResults(app, api) {
  api.addEventListener("executed", (/** @type {{detail: any}} */ { detail }) => {
    const [picture] = detail?.output?.images ?? [];
    if (!picture || detail.output.instance_edit_canvas) return;
    const id = String(detail.display_node ?? detail.node);
    forEachCanvas((editor, node) => {
      if (!comesFrom(app.rootGraph ?? app.graph, id, node)) return;
      const query = new URLSearchParams({ ...picture, at: String(Date.now()) });
      const image = new Image();
      image.onload = () => editor.change({ result: image });
      image.src = api.apiURL(`/view?${query}`);
    });
  });
}

/**
 * Whether the node of that execution id is fed, over any number of wires, by a canvas' node. A
 * canvas in a subgraph, or in one within it, counts as the subgraph's node. What the pack's own
 * previews draw is no result.
 *
 * @param {any} root
 * @param {string} id "12", or "7:12" for a node in the subgraph of node 7
 * @param {any} source
 */
export function comesFrom(root, id, source) {
  const [first] = id.split(":");
  const target = root.getNodeById(Number(first)) ?? root.getNodeById(first);
  if (!target || PREVIEW.test(nodeOf(target, id)?.type)) return false;
  const seen = new Set();
  const waiting = [target];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    if (node === source || holds(node, source)) return true;
    const inputs = node.inputs ?? [];
    inputs.forEach((/** @type {any} */ _, /** @type {number} */ slot) => {
      const before = node.getInputNode?.(slot);
      if (before) waiting.push(before);
    });
  }
  return false;
}

/** @param {any} node @param {any} source @returns {boolean} whether it is in the node's subgraph */
function holds({ subgraph }, source) {
  if (!subgraph) return false;
  const inner = subgraph.nodes ?? [];
  return subgraph === source.graph || inner.some((/** @type {any} */ one) => holds(one, source));
}

/** @param {any} first @param {string} id @returns {any} the node that an id leads to within it */
function nodeOf(first, id) {
  const [, ...inner] = id.split(":");
  return inner.reduce((node, part) => node?.subgraph?.getNodeById?.(Number(part)), first);
}
