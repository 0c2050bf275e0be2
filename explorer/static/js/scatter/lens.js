// The lens beside the pointer: a picture, what it is, and how far it can be trusted.

import { element, say } from "../shared/dom.js";
import { drawTile, paintPicture, sized } from "../shared/pictures.js";

const AWAY = 18; // pixels from the pointer

/** @typedef {{ title: string, note: string, colour: string, trust: number }} Words `trust`: 0 to 1 */

export class Lens {
  shown = false;

  /** @param {HTMLElement} field */
  constructor(field) {
    this.field = field;
    this.canvas = element("canvas");
    this.title = element("b");
    this.note = element("small");
    this.node = element("div", "lens", {}, this.canvas, this.title, this.note);
    this.node.hidden = true;
    field.append(this.node);
  }

  /** @param {[number, number]} at pixels of the field @param {Words} words */
  show([x, y], { title, note, colour, trust }) {
    this.shown = true;
    this.node.hidden = false;
    say(this.title, title);
    say(this.note, note);
    this.title.style.setProperty("--colour", colour || "transparent");
    this.title.classList.toggle("coloured", Boolean(colour));
    this.canvas.style.opacity = String(0.2 + 0.8 * trust);
    const { offsetWidth, offsetHeight } = this.node;
    const left = x + AWAY + offsetWidth < this.field.clientWidth ? x + AWAY : x - AWAY - offsetWidth;
    const top = Math.min(Math.max(0, y - offsetHeight / 2), this.field.clientHeight - offsetHeight);
    this.node.style.transform = `translate(${Math.round(Math.max(0, left))}px, ${Math.round(top)}px)`;
  }

  /** @param {Float32Array} pixels @param {import("../shared/live.js").Shape} shape */
  paint(pixels, shape) {
    this.canvas.hidden = false;
    paintPicture(this.canvas, pixels, shape);
  }

  /** Show a tile of the sheet of test pictures. @param {HTMLImageElement} sheet @param {number} tile @param {number} columns @param {import("../shared/live.js").Shape} shape */
  tile(sheet, tile, columns, [, height, width]) {
    this.canvas.hidden = false;
    drawTile(sized(this.canvas, width, height), { image: sheet, columns, width, height }, tile);
  }

  /** Show no picture: there is none, or not yet. */
  blank() {
    this.canvas.hidden = true;
  }

  hide() {
    this.shown = false;
    this.node.hidden = true;
  }
}
