// Pictures on a board: they can be picked up, dragged, and moved by the arrow keys.

import { element, setAttributes, svg } from "../shared/dom.js";
import { arrow } from "../shared/gestures.js";
import { clamp } from "../shared/numbers.js";
import { paintPicture } from "../shared/pictures.js";

export const HEIGHT = 0.75; // of the board, its width being 1
export const EDGE = 0.07; // nearest a tile's middle comes to an edge
const STEP = 0.02; // by an arrow key

/** @typedef {{ pick(tile: number): void, moved(tile: number, x: number, y: number): void }} Hand */

export class Board {
  /** @type {number[][]} places as last shown, in widths of the board */
  places = [];
  width = 0;

  /** @param {HTMLElement} field @param {Hand} hand */
  constructor(field, hand) {
    this.field = field;
    this.hand = hand;
    this.lines = svg("svg", { viewBox: `0 0 1 ${HEIGHT}`, "aria-hidden": "true" });
    /** @type {HTMLButtonElement[]} */
    this.tiles = [];
    field.onpointerdown = (event) => event.target === field && hand.pick(-1);
    this.resized = new ResizeObserver(() => this.measure());
    this.resized.observe(field);
  }

  close() {
    this.resized.disconnect();
  }

  measure() {
    this.width = this.field.clientWidth;
    this.show(this.places);
  }

  /** Put other pictures on the board. @param {Float32Array[]} pictures @param {string[]} labels @param {import("../shared/live.js").Shape} shape */
  fill(pictures, labels, shape) {
    this.tiles = pictures.map((pixels, tile) => {
      const canvas = element("canvas");
      paintPicture(canvas, pixels, shape);
      const name = `Digit ${labels[tile]}, picture ${tile + 1} of ${pictures.length}`;
      const button = element("button", "tile", { type: "button", "aria-label": name, "aria-pressed": "false" }, canvas);
      this.wire(button, tile);
      return button;
    });
    this.threads = pictures.map(() => svg("line"));
    this.lines.replaceChildren(...this.threads);
    this.field.replaceChildren(this.lines, ...this.tiles);
    this.width = this.field.clientWidth;
  }

  /** @param {HTMLButtonElement} button @param {number} tile */
  wire(button, tile) {
    /** @type {number[] | null} where in the tile the pointer holds it */
    let grip = null;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = this.field.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width];
    };
    button.onpointerdown = (event) => {
      const [x, y] = at(event);
      grip = [this.places[tile][0] - x, this.places[tile][1] - y];
      button.setPointerCapture(event.pointerId);
      this.hand.pick(tile);
    };
    button.onpointermove = (event) => {
      if (!grip) return;
      const [x, y] = at(event);
      this.put(tile, x + grip[0], y + grip[1]);
    };
    button.onpointerup = button.onpointercancel = () => {
      grip = null;
    };
    button.onfocus = () => this.hand.pick(tile);
    button.onkeydown = (event) => this.nudge(event, tile);
  }

  /** @param {KeyboardEvent} event @param {number} tile */
  nudge(event, tile) {
    const [right, up] = arrow(event.key);
    if (event.key === "Escape") this.hand.pick(-1);
    if (!right && !up) return;
    event.preventDefault();
    const step = event.shiftKey ? 5 * STEP : STEP;
    const [x, y] = this.places[tile];
    this.put(tile, x + right * step, y - up * step);
  }

  /** @param {number} tile @param {number} x @param {number} y */
  put(tile, x, y) {
    const place = [clamp(x, EDGE, 1 - EDGE), clamp(y, EDGE, HEIGHT - EDGE)];
    if (place[0] === this.places[tile][0] && place[1] === this.places[tile][1]) return;
    this.hand.moved(tile, place[0], place[1]);
  }

  /** @param {number[][]} places */
  show(places) {
    this.places = places;
    for (const [tile, [x, y]] of places.entries()) {
      const button = this.tiles[tile];
      button.style.transform = `translate(${(x * this.width).toFixed(1)}px, ${(y * this.width).toFixed(1)}px) translate(-50%, -50%)`;
    }
  }

  /** Draw lines from one tile to others, which may be none. @param {number[]} chosen the tiles that are lit @param {[number, number, number][]} lines two tiles and a strength from 0 to 1 */
  light(chosen, lines) {
    for (const [tile, button] of this.tiles.entries()) {
      button.setAttribute("aria-pressed", String(chosen.includes(tile)));
    }
    for (const [at, line] of (this.threads ?? []).entries()) {
      const drawn = lines[at];
      line.style.display = drawn ? "" : "none";
      if (!drawn) continue;
      const [[x1, y1], [x2, y2]] = [this.places[drawn[0]], this.places[drawn[1]]];
      setAttributes(line, { x1, y1, x2, y2 });
      line.style.strokeOpacity = String(0.15 + 0.85 * drawn[2]);
    }
  }
}
