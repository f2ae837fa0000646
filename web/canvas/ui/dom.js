/** Elements, made in one call. */

import { ICONS } from "./icons.js";

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties] of the element; `class`, `aria-*` and `data-*` are
 * attributes, `on*` are listeners
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with an icon and a name that is read and shown.
 *
 * @param {keyof typeof ICONS} name of the icon
 * @param {string} title
 * @param {(event: MouseEvent) => void} act
 * @param {Record<string, any>} [more]
 */
export function iconButton(name, title, act, more = {}) {
  const properties = { type: "button", title, "aria-label": title, onclick: act, ...more };
  return make("button", properties, icon(name));
}
