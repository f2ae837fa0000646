/** The pack's templates in the template browser: it shows them in the order that it is told. */

/** @type {string} the folder of the pack, whatever it was cloned to: the templates' name there */
const PACK = decodeURIComponent(/\/extensions\/([^/]+)\//.exec(import.meta.url)?.[1] ?? "");

/**
 * Tell our templates by name: the server tells them as they lie in their folder, in no order.
 *
 * @param {any} api
 * @param {string} [pack]
 */
export function sortTemplates(api, pack = PACK) {
  const before = api.getWorkflowTemplates;
  if (typeof before !== "function") return;
  api.getWorkflowTemplates = async (/** @type {any[]} */ ...given) => {
    const offered = await before.apply(api, given);
    if (Array.isArray(offered?.[pack])) offered[pack].sort();
    return offered;
  };
}
