// Pictures in titled groups, each above its reconstruction; clicking one reports its number.

import { countPainted, element, mount, part } from "../shared/dom.js";
import { drawTile, pictureOf, sized } from "../shared/pictures.js";

/** @typedef {{ title: string, note: string, colour: string, first: number, titles: string[] }} Group */
/**
 * @typedef {object} Data as explorer/components/gallery sends it
 * @property {string} sprite
 * @property {number} columns
 * @property {import("../shared/live.js").Shape} shape
 * @property {number} count
 * @property {boolean} pair
 * @property {number} size
 * @property {Group[]} groups
 */

class Gallery {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  sprite = "";
  groups = "";

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".gallery");
    this.root.onclick = (event) => {
      const tile = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button.tile"));
      if (tile) this.tell("picked", Number(tile.dataset.index));
    };
  }

  /** @param {Data} data */
  update(data) {
    const groups = JSON.stringify(data.groups);
    if (this.sprite === data.sprite && this.groups === groups) return;
    this.sprite = data.sprite;
    this.groups = groups;
    this.root.replaceChildren(...data.groups.map(line));
    this.fill(data);
  }

  close() {}

  /** @param {Data} data */
  async fill({ sprite, columns, shape: [, height, width], count, pair, size }) {
    const image = await pictureOf(sprite);
    if (this.sprite !== sprite) return;
    const gap = pair ? Math.max(1, Math.round(height / 16)) : 0;
    const tall = pair ? 2 * height + gap : height;
    for (const canvas of this.root.querySelectorAll("canvas")) {
      const context = sized(canvas, width, tall);
      Object.assign(canvas.style, { width: `${size}px`, height: `${(size * tall) / width}px` });
      const index = Number(canvas.parentElement?.dataset.index);
      drawTile(context, { image, columns, width, height }, index);
      if (pair) drawTile(context, { image, columns, width, height }, count + index, [0, height + gap]);
    }
    countPainted(this.root);
  }
}

/** @param {Group} group */
function line({ title, note, colour, first, titles }) {
  const buttons = titles.map((text, place) => {
    const attributes = { type: "button", title: text, "data-index": first + place, "aria-label": text };
    return element("button", "tile", attributes, element("canvas"));
  });
  const tiles = element("div", "tiles", {}, ...buttons);
  if (!title) return element("div", "group bare", {}, tiles);
  const style = `--colour: ${colour || "transparent"}`;
  return element("div", "group", {}, element("div", "name", { style }, title, element("small", "", {}, note)), tiles);
}

export default mount(Gallery);
