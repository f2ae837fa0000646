/** The LoRA files that ComfyUI offers. */

const NODE = "InstanceEditLora";

/** @returns {string[]} as Instance LoRA lists them */
export function loraFiles() {
  /** @type {any} */
  const bare = window;
  const type = bare.LiteGraph?.registered_node_types?.[NODE];
  const [kind, more] = type?.nodeData?.input?.required?.lora ?? [];
  return Array.isArray(kind) ? kind : (more?.options ?? []);
}
