// A grid of small pictures from one sprite: galleries to choose from, traversal sheets and interpolation strips.

import { countPainted, element, mount, part, setVariables } from "../shared/dom.js";
import { arrow } from "../shared/gestures.js";
import { announce } from "../shared/live.js";
import { bytesOf } from "../shared/pictures.js";

/**
 * @typedef {object} Data as `Tiles` in explorer/components/live_decoder
 * @property {string} sprite
 * @property {number} sprite_columns
 * @property {import("../shared/live.js").Shape} shape
 * @property {number} count
 * @property {number} columns
 * @property {number} size
 * @property {number} height
 * @property {string[]} rows
 * @property {string[]} heads
 * @property {string[]} titles
 * @property {number[]} selected
 * @property {string} label
 * @property {import("../shared/live.js").Edits[]} edits
 */

class Tiles {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {HTMLButtonElement[]} */
  buttons = [];
  address = "";

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".tiles");
    this.grid = part(this.root, ".grid");
    this.root.onscroll = () => this.fade();
    this.resized = new ResizeObserver(() => this.fade());
    this.resized.observe(this.grid);
    this.grid.onkeydown = (event) => this.walk(event);
    this.grid.onclick = (event) => this.choose(this.indexOf(event));
  }

  close() {
    this.resized.disconnect();
    URL.revokeObjectURL(this.address);
  }

  /** @param {Data} data */
  update(data) {
    const before = this.data;
    this.data = data;
    const same = before && before.count === data.count && before.columns === data.columns;
    if (!same || before.rows.join() !== data.rows.join() || before.heads.join() !== data.heads.join()) this.build();
    if (before?.sprite !== data.sprite || !same) this.fill();
    const first = Math.max(0, data.selected[0] ?? 0);
    this.buttons.forEach((button, index) => {
      button.title = data.titles[index] ?? "";
      button.setAttribute("aria-label", data.titles[index] || `Picture ${index + 1}`);
      button.setAttribute("aria-pressed", String(data.selected.includes(index)));
      button.tabIndex = index === first ? 0 : -1;
    });
    if (before?.selected[0] !== data.selected[0]) this.reveal(first);
  }

  build() {
    const { columns, count, heads, height, label, rows, size } = this.data;
    setVariables(this.root, { tile: `${size}px`, height: height ? `${height}px` : "none" });
    this.root.classList.toggle("sheet", columns > 0);
    const template = `${rows.length ? "auto " : ""}repeat(${columns}, minmax(0, ${size}px))`;
    this.grid.style.gridTemplateColumns = columns ? template : "";
    this.grid.setAttribute("aria-label", label);
    this.buttons = Array.from({ length: count }, (_, index) =>
      element("button", "tile", { type: "button", "data-index": index }, element("i")),
    );
    const corner = heads.length && rows.length ? [element("span")] : [];
    const cells = this.buttons.flatMap((button, index) =>
      rows.length && index % columns === 0 ? [rowLabel(rows[index / columns]), button] : [button],
    );
    this.grid.replaceChildren(...corner, ...heads.map(head), ...cells);
  }

  /**
   * Every tile shows its part of one sprite as a background: hundreds of canvases would each be a layer of their own and
   * slow every frame of the page down. The sprite repeats each tile's border once, so that rounding shows no neighbour.
   */
  fill() {
    const { sprite, shape, count, sprite_columns: columns } = this.data;
    URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(new Blob([bytesOf(sprite)], { type: "image/png" }));
    const rows = Math.ceil(count / columns);
    const [, height, width] = shape;
    const across = `${(100 * columns * (width + 2)) / width}%`;
    const down = `${(100 * rows * (height + 2)) / height}%`;
    setVariables(this.grid, { sprite: `url(${this.address})`, across, down });
    this.buttons.forEach((button, index) => {
      const x = spritePlace(index % columns, columns, width);
      const y = spritePlace(Math.floor(index / columns), rows, height);
      part(button, "i").style.backgroundPosition = `${x}% ${y}%`;
    });
    countPainted(this.root);
  }

  /** Fade the lower edge where there is more to scroll to. */
  fade() {
    this.root.classList.toggle("more", this.root.scrollHeight > this.root.scrollTop + this.root.clientHeight + 4);
  }

  /** @param {number} index */
  choose(index) {
    const edits = this.data.edits[index];
    if (index < 0) return;
    if (!edits) return this.tell("picked", index);
    // A picture of the current view: the panel takes over its code at once, without waiting for the server.
    announce("edit", edits);
    announce("commit", undefined);
  }

  /** @param {number} index */
  reveal(index) {
    const button = this.buttons[index];
    if (!button || !this.data.height) return;
    const top = button.offsetTop - this.root.offsetTop;
    if (top < this.root.scrollTop || top + button.offsetHeight > this.root.scrollTop + this.root.clientHeight) {
      this.root.scrollTop = top - 4;
    }
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const at = this.indexOf(event);
    const [right, up] = arrow(event.key);
    const step = right - up * (this.data.columns || this.perLine());
    const next = this.buttons[at + step];
    if (at < 0 || !step || !next) return;
    event.preventDefault();
    next.focus();
  }

  /** Return the number of the tile that an event came from, or -1. @param {Event} event */
  indexOf(event) {
    const tile = /** @type {Element} */ (event.target).closest("button.tile");
    return this.buttons.indexOf(/** @type {HTMLButtonElement} */ (tile));
  }

  perLine() {
    const top = this.buttons[0]?.offsetTop;
    const wrapped = this.buttons.findIndex((button) => button.offsetTop !== top);
    return wrapped < 0 ? this.buttons.length : wrapped;
  }
}

/** Return the position of tile i of n along a sprite, in per cent as CSS counts. @param {number} i @param {number} n @param {number} side */
export const spritePlace = (i, n, side) => (100 * (i * (side + 2) + 1)) / (n * (side + 2) - side);

/** Return what stands above a column; every second share is left out where columns are narrow. @param {string} text @param {number} place */
const head = (text, place) => element("span", text.endsWith("%") && place % 2 ? "head second" : "head", {}, text);

/** @param {string} text name, then a line for each detail */
function rowLabel(text) {
  const [name, ...details] = text.split("\n");
  return element("span", "row", {}, name, ...details.map((detail) => element("small", "", {}, detail)));
}

export default mount(Tiles);
