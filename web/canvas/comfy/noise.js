/** Whether the seeds of single instances act: they do through the node Instance Noise. */

const NODE = "InstanceEditNoise";
const MUTED = 2;
const BYPASSED = 4;

/** @param {any} root graph of the whole workflow */
export function hasInstanceNoise(root) {
  const graphs = [root, ...(root?.subgraphs?.values() ?? [])];
  return graphs.some((graph) =>
    graph?.nodes?.some(
      (/** @type {any} */ node) =>
        node.type === NODE && node.mode !== MUTED && node.mode !== BYPASSED,
    ),
  );
}
