// Pictures of both sets in the order of their scores, which cross the line as the threshold moves.

import { countPainted, element, say } from "../shared/dom.js";
import { isStill } from "../shared/motion.js";
import { drawTile, numbersOf, pictureOf, sized } from "../shared/pictures.js";
import { below } from "./scale.js";

/** @typedef {import("./race.js").Row} Row */
/** @typedef {{ node: HTMLElement, canvas: HTMLCanvasElement, caption: HTMLElement, row: Row, scores: Float32Array, accepted: number, shown: number }} Strip */

const [TILE, GAP] = [44, 4]; // CSS pixels
const [HEIGHT, EDGE] = [60, 3]; // of a strip; under a picture on the wrong side
const EASE = 0.3; // of the way that is left, at each frame

/** Return where a picture begins, in CSS pixels: accepted ones end at the line in the middle. @param {number} index @param {number} accepted @param {number} width */
export const left = (index, accepted, width) => width / 2 + (index - accepted) * (TILE + GAP) + GAP / 2;

export class Strips {
  /** @type {Strip[]} */
  strips = [];
  sprite = "";
  columns = 1;
  /** @type {import("../shared/live.js").Shape} */
  shape = [1, 1, 1];
  /** @type {HTMLImageElement | null} */
  image = null;
  frame = 0;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  close() {
    cancelAnimationFrame(this.frame);
  }

  /** @param {{ rows: Row[], sprite: string, columns: number, shape: import("../shared/live.js").Shape }} data */
  update({ rows, sprite, columns, shape }) {
    if (sprite === this.sprite) return;
    Object.assign(this, { sprite, columns, shape, image: null });
    this.strips = rows.map((row) => {
      const [caption, canvas] = [element("div", "caption"), element("canvas", "", { role: "img" })];
      const scores = numbersOf(row.scores);
      return {
        node: element("div", "strip", {}, caption, canvas),
        canvas,
        caption,
        row,
        scores,
        accepted: 0,
        shown: NaN,
      };
    });
    this.root.replaceChildren(...this.strips.map(({ node }) => node));
    if (sprite) this.load(sprite);
  }

  /** @param {string} sprite */
  async load(sprite) {
    const image = await pictureOf(sprite);
    if (this.sprite !== sprite) return;
    this.image = image;
    this.draw();
    countPainted(this.root);
  }

  /** @param {number} threshold */
  follow(threshold) {
    for (const strip of this.strips) {
      strip.accepted = below(strip.scores, Math.fround(threshold), true);
      if (Number.isNaN(strip.shown) || isStill()) strip.shown = strip.accepted;
      const [before, after] = [strip.accepted, strip.scores.length - strip.accepted];
      strip.canvas.setAttribute("aria-label", `${strip.row.name}: ${before} pictures accepted, ${after} flagged`);
      strip.canvas.dataset.accepted = String(before);
      say(strip.caption, strip.row.name);
    }
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    let moving = false;
    for (const strip of this.strips) {
      const rest = strip.accepted - strip.shown;
      strip.shown = Math.abs(rest) < 0.02 ? strip.accepted : strip.shown + EASE * rest;
      moving ||= strip.shown !== strip.accepted;
      this.paint(strip);
    }
    if (moving) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** @param {Strip} strip */
  paint({ canvas, row, scores, shown }) {
    const width = canvas.clientWidth;
    if (!this.image || !width || Number.isNaN(shown)) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const context = sized(canvas, Math.round(width * ratio), Math.round(HEIGHT * ratio));
    const styles = getComputedStyle(canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, HEIGHT);
    context.imageSmoothingEnabled = false;
    const [, high, wide] = this.shape;
    const sheet = { image: this.image, columns: this.columns, width: wide, height: high };
    for (let i = 0; i < scores.length; i++) {
      const x = left(i, shown, width);
      if (x < -TILE || x > width) continue;
      const tile = row.first + i;
      drawTile(context, sheet, tile, [x, (HEIGHT - TILE) / 2], [TILE, TILE]);
    }
    context.fillStyle = row.colour;
    context.fillRect(0, HEIGHT - EDGE, width, EDGE);
    context.fillStyle = styles.getPropertyValue("--st-text-color");
    context.fillRect(width / 2 - 0.75, 0, 1.5, HEIGHT);
  }
}
