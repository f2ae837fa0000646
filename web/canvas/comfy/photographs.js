/** The pictures that templates open with: a graph that names one finds it in the input folder. */

export const PHOTOGRAPHS = [
  "instance_edit_cat.jpg",
  "instance_edit_coffee.jpg",
  "instance_edit_months.png",
];

const FOLDER = new URL("../../photographs/", import.meta.url);
const KINDS = ["LoadImage", "InstanceEditCanvas"];

/** @type {Set<string>} those that the input folder has */
const there = new Set();

/**
 * @param {any} graph a workflow as it is saved
 * @returns {string[]} the photographs that its nodes load
 */
export function photographsIn(graph) {
  const parts = [graph, ...(graph?.definitions?.subgraphs ?? [])];
  const nodes = parts.flatMap((part) => part?.nodes ?? []);
  const loaded = nodes.filter(({ type }) => KINDS.includes(type));
  const named = loaded.flatMap(({ widgets_values }) => Object.values(widgets_values ?? {}));
  return PHOTOGRAPHS.filter((name) => named.includes(name));
}

/**
 * Upload what the input folder lacks of these, as somebody who drops a picture does.
 *
 * @param {any} graph a workflow before its nodes are made
 * @param {any} api
 */
export async function bringPhotographs(graph, api) {
  await Promise.all(photographsIn(graph).map((name) => bring(name, api)));
}

/**
 * Offer its photograph in the list of a node, which was read before that came.
 *
 * @param {any} node
 */
export function offerPhotograph(node) {
  const widget = node.widgets?.find((/** @type {any} */ one) => there.has(one.value));
  const values = widget?.options?.values;
  if (Array.isArray(values) && !values.includes(widget.value)) values.push(widget.value);
}

/** @param {string} name @param {any} api */
async function bring(name, api) {
  if (!(await isThere(name, api))) await upload(name, api);
  there.add(name);
}

/** @param {string} name @param {any} api @returns {Promise<boolean>} */
async function isThere(name, api) {
  const query = new URLSearchParams({ filename: name, type: "input" });
  return (await api.fetchApi(`/view?${query}`, { method: "HEAD" })).ok;
}

/** @param {string} name @param {any} api */
async function upload(name, api) {
  const picture = await fetch(new URL(name, FOLDER));
  if (!picture.ok) throw new Error(`Instance Edit has no photograph ${name}: install it anew.`);
  const body = new FormData();
  body.append("image", await picture.blob(), name);
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!answer.ok) throw new Error(`ComfyUI did not take the photograph ${name}: choose a picture.`);
}
