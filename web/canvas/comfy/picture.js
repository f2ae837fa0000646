/** The picture under a canvas: of its own widget, of what is connected, or of the last run. */

import { chain, tellTracker } from "./hooks.js";

const PICTURE = "picture";
const IMAGE = "image";
const FARTHEST = 20;

/** @typedef {{filename: string, subfolder?: string, type?: string}} FileOf */
/** @typedef {(picture: HTMLImageElement | null, approximate: boolean) => void} Show */

export class PictureSource {
  /**
   * @param {any} node
   * @param {any} app
   * @param {any} api
   * @param {Show} show
   */
  constructor(node, app, api, show) {
    /** @type {any} */
    this.node = node;
    /** @type {any} */
    this.app = app;
    /** @type {any} */
    this.api = api;
    this.show = show;
    this.address = "";
    /** @type {{address: string, of: string} | null} what the last run drew on */
    this.run = null;
    this.widget = node.widgets.find((/** @type {any} */ one) => one.name === PICTURE);
    if (this.widget) chain(this.widget, "callback", () => this.refresh());
  }

  /** Look again where the picture comes from. */
  refresh() {
    queueMicrotask(() => {
      const { address, approximate } = this.find();
      const ran = this.run?.of === address ? this.run.address : null;
      void this.load(ran ?? address, approximate && ran === null);
    });
  }

  /** @returns {{address: string, approximate: boolean}} */
  find() {
    const linked = this.linkedNode(this.node, IMAGE);
    if (linked) {
      const { node, steps } = this.firstWithPicture(linked);
      return { address: node ? this.addressOfNode(node) : "", approximate: steps > 0 };
    }
    const name = this.widget?.value;
    return { address: name ? this.view(parseName(name)) : "", approximate: false };
  }

  /** @param {any} node @param {string} name @returns {any} */
  linkedNode(node, name) {
    const slot = node.inputs?.findIndex((/** @type {any} */ one) => one.name === name) ?? -1;
    return slot < 0 || !node.graph ? null : (node.getInputNode?.(slot) ?? null);
  }

  /**
   * Up the wires of type IMAGE to a node that shows a picture.
   *
   * @param {any} start
   */
  firstWithPicture(start) {
    let node = start;
    for (let steps = 0; node && steps < FARTHEST; steps += 1) {
      if (this.addressOfNode(node)) return { node, steps };
      const slot = node.inputs?.findIndex(
        (/** @type {any} */ one, /** @type {number} */ n) =>
          (one.type === "IMAGE" || one.type === "*") && node.isInputConnected(n),
      );
      node = slot >= 0 ? node.getInputNode(slot) : null;
    }
    return { node: null, steps: 0 };
  }

  /** @param {any} node */
  addressOfNode(node) {
    const shown = node.imgs?.[0]?.src;
    if (shown) return shown;
    const widget = node.widgets?.find(
      (/** @type {any} */ one) => one.name === IMAGE && typeof one.value === "string",
    );
    return widget?.value ? this.view(parseName(widget.value)) : "";
  }

  /** @param {FileOf} file */
  view({ filename, subfolder = "", type = "input" }) {
    const query = new URLSearchParams({ filename, subfolder, type });
    return this.api.apiURL(`/view?${query}`);
  }

  /** @param {FileOf | null | undefined} file what the run drew on */
  executed(file) {
    if (!file) return;
    const address = `${this.view(file)}&run=${Date.now()}`;
    this.run = { address, of: this.find().address };
    void this.load(address, false);
  }

  /** @param {string} address @param {boolean} approximate */
  async load(address, approximate) {
    if (address === this.address) return;
    this.address = address;
    if (!address) return this.show(null, false);
    const picture = new Image();
    picture.src = address;
    const ready = await picture.decode().then(
      () => true,
      () => false,
    );
    if (address === this.address) this.show(ready ? picture : null, approximate);
  }

  /** @returns {boolean} whether the picture comes from another node */
  isLinked() {
    return this.linkedNode(this.node, IMAGE) !== null;
  }

  /** @param {(file: File) => void} chosen what is done with the file of a file dialog */
  choose(chosen) {
    const input = Object.assign(document.createElement("input"), {
      type: "file",
      accept: "image/*",
    });
    input.addEventListener("change", () => {
      if (input.files?.[0]) chosen(input.files[0]);
    });
    input.click();
  }

  /** @param {File} file @returns {Promise<boolean>} whether ComfyUI took it */
  async upload(file) {
    const body = new FormData();
    body.append("image", file);
    const answer = await this.api.fetchApi("/upload/image", { method: "POST", body });
    if (answer.status !== 200 || !this.widget) return false;
    const { name, subfolder } = await answer.json();
    const path = subfolder ? `${subfolder}/${name}` : name;
    const { values } = this.widget.options;
    if (Array.isArray(values) && !values.includes(path)) values.push(path);
    this.widget.value = path;
    this.widget.callback?.(path);
    tellTracker(this.app);
    return true;
  }
}

/**
 * "folder/name.png [output]" as the front end writes it.
 *
 * @param {string} text
 * @returns {FileOf}
 */
export function parseName(text) {
  const [, path, type] = /** @type {RegExpExecArray} */ (/^(.*?)(?: \[(\w+)\])?$/.exec(text));
  const cut = path.lastIndexOf("/");
  return {
    filename: path.slice(cut + 1),
    subfolder: path.slice(0, Math.max(cut, 0)),
    type: type ?? "input",
  };
}
