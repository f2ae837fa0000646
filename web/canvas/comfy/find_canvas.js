/** Which canvases a command or a menu means: a subgraph's node stands for those in it. */

/**
 * The nodes of canvases among these, and in subgraphs among them at any depth.
 *
 * @param {Iterable<any>} nodes
 * @param {(node: any) => boolean} isCanvas
 * @returns {any[]} each once, in their order
 */
export function canvasesAmong(nodes, isCanvas) {
  const found = new Set();
  for (const node of nodes) {
    if (isCanvas(node)) found.add(node);
    for (const inner of canvasesAmong(node?.subgraph?.nodes ?? [], isCanvas)) found.add(inner);
  }
  return [...found];
}

/**
 * The canvas that is meant: the first one that is selected, else the only one of the graph that is
 * shown, else the only one of the workflow.
 *
 * @param {any} app
 * @param {(node: any) => boolean} isCanvas
 * @returns {any} its node; null if several could be meant, or none is there
 */
export function meantCanvas(app, isCanvas) {
  const [selected] = canvasesAmong(app.canvas?.selectedItems ?? [], isCanvas);
  if (selected) return selected;
  for (const graph of [app.canvas?.graph, app.rootGraph ?? app.graph]) {
    const found = canvasesAmong(graph?.nodes ?? [], isCanvas);
    if (found.length === 1) return found[0];
  }
  return null;
}
