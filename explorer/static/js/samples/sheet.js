// Pictures side by side on one canvas, which knows those that are still to be painted.

import { element } from "../shared/dom.js";
import { clamp } from "../shared/numbers.js";

const GAP = 2; // canvas pixels between pictures

export class Sheet {
  left = 0; // pictures that are old
  turn = 0;
  /** @type {Record<string, { node: HTMLElement, tile: number }>} */
  marks = {};

  /** @param {{ shape: import("../shared/live.js").Shape }} model @param {number} columns @param {number} rows */
  constructor({ shape: [channels, height, width] }, columns, rows) {
    this.columns = columns;
    this.rows = rows;
    this.channels = channels;
    this.height = height;
    this.width = width;
    const size = { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP };
    this.canvas = element("canvas", "", size);
    this.field = element("div", "field", {}, this.canvas);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = this.context.createImageData(width, height);
  }

  get isOld() {
    return this.left > 0;
  }

  spoil() {
    this.left = this.columns * this.rows;
  }

  /** Return the tile whose turn it is, of `count`. @param {number} count */
  next(count) {
    const tile = this.turn % count;
    this.turn = (tile + 1) % count;
    this.left = Math.min(this.left, count) - 1;
    return tile;
  }

  /** @param {number} tile @param {Float32Array} pixels */
  paint(tile, pixels) {
    const { image, channels, width, height } = this;
    const area = width * height;
    const [green, blue] = channels === 3 ? [area, 2 * area] : [0, 0];
    for (let i = 0; i < area; i++) {
      image.data[4 * i] = 255 * pixels[i]; // a Uint8ClampedArray rounds
      image.data[4 * i + 1] = 255 * pixels[green + i];
      image.data[4 * i + 2] = 255 * pixels[blue + i];
      image.data[4 * i + 3] = 255;
    }
    this.context.putImageData(
      image,
      (tile % this.columns) * (width + GAP),
      Math.floor(tile / this.columns) * (height + GAP),
    );
  }

  /** Return the tile below the pointer. @param {{ clientX: number, clientY: number }} event */
  tileAt({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor(clamp((clientX - box.left) / box.width, 0, 0.999) * this.columns);
    return Math.floor(clamp((clientY - box.top) / box.height, 0, 0.999) * this.rows) * this.columns + column;
  }

  /** Return the tile that bears a mark, -1 if none does. @param {string} name */
  marked(name) {
    return this.marks[name]?.tile ?? -1;
  }

  /** Put a mark around a tile; -1 takes it away. @param {string} name @param {number} tile */
  mark(name, tile) {
    this.marks[name] ??= { node: this.field.appendChild(element("span", `mark ${name}`)), tile };
    const mark = this.marks[name];
    mark.tile = tile;
    mark.node.hidden = tile < 0;
    const place = (/** @type {number} */ at, /** @type {number} */ side, /** @type {number} */ n) =>
      `${(100 * at * (side + GAP)) / (n * (side + GAP) - GAP)}%`;
    Object.assign(mark.node.style, {
      left: place(tile % this.columns, this.width, this.columns),
      top: place(Math.floor(tile / this.columns), this.height, this.rows),
      width: `${(100 * this.width) / this.canvas.width}%`,
      height: `${(100 * this.height) / this.canvas.height}%`,
    });
  }
}
