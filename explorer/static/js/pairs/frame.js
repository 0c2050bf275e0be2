// The field in which pairs are drawn: distances of codes across, of pictures up, both from 0 on.

import { svg } from "../shared/dom.js";
import { clamp } from "../shared/numbers.js";
import { Scale } from "../threshold/scale.js";

const [LEFT, BOTTOM, TOP, RIGHT] = [52, 44, 10, 10]; // pixels around the field
const TICKS = 6;

export class Frame {
  /** @param {{ clientWidth: number, clientHeight: number }} size @param {number[]} ends */
  constructor({ clientWidth, clientHeight }, [across, up]) {
    this.across = across;
    this.up = up;
    this.width = clientWidth - LEFT - RIGHT;
    this.height = clientHeight - TOP - BOTTOM;
  }

  /** Return pixels from the left. @param {number} value */
  x(value) {
    return LEFT + (value / this.across) * this.width;
  }

  /** Return pixels from the top. @param {number} value */
  y(value) {
    return TOP + (1 - value / this.up) * this.height;
  }

  /** Return the place of a grid at a pixel, null outside. @param {number} x @param {number} y @param {number} columns @param {number} rows @returns {[number, number] | null} */
  place(x, y, columns, rows) {
    const column = Math.floor(((x - LEFT) / this.width) * columns);
    const row = Math.floor((1 - (y - TOP) / this.height) * rows);
    return column >= 0 && column < columns && row >= 0 && row < rows ? [column, row] : null;
  }

  /** Return both axes, with ticks and their names. @param {string[]} names */
  axes([codes, pictures]) {
    const [left, floor] = [this.x(0), this.y(0)];
    const nodes = [
      svg("line", { class: "base", x1: left, x2: this.x(this.across), y1: floor, y2: floor }),
      svg("line", { class: "base", x1: left, x2: left, y1: floor, y2: this.y(this.up) }),
      svg("text", { x: this.x(this.across / 2), y: floor + 36, "text-anchor": "middle" }, codes),
      svg("text", { transform: `translate(14 ${this.y(this.up / 2)}) rotate(-90)`, "text-anchor": "middle" }, pictures),
    ];
    for (const value of ticks(this.across))
      nodes.push(svg("text", { x: this.x(value), y: floor + 17, "text-anchor": "middle" }, written(value)));
    for (const value of ticks(this.up))
      nodes.push(svg("text", { x: left - 7, y: this.y(value) + 4, "text-anchor": "end" }, written(value)));
    return nodes;
  }

  /** Return the ends of the line through the origin, within the field. @param {number} slope */
  line(slope) {
    const end = slope > 0 ? Math.min(this.across, this.up / slope) : this.across;
    return { x1: this.x(0), y1: this.y(0), x2: this.x(end), y2: this.y(clamp(slope * end, 0, this.up)) };
  }
}

/** @param {number} end */
const ticks = (end) => new Scale({ low: 0, high: end, scale: 0 }).evenTicks(TICKS);

/** @param {number} value */
const written = (value) => String(Number(value.toPrecision(4)));
