// The density of pairs: pictures of some pairs below the pointer, a click keeps the place, a double click opens a pair.

import { countPainted, element, mount, part, say, svg } from "../shared/dom.js";
import { arrow } from "../shared/gestures.js";
import { clamp } from "../shared/numbers.js";
import { drawTile, pictureOf } from "../shared/pictures.js";
import { Frame } from "./frame.js";

/** @typedef {[pair: number, first: number, second: number]} Pair */
/**
 * @typedef {object} Data as `Density` in explorer/components/pairs
 * @property {number[]} counts
 * @property {number} columns
 * @property {[number, number]} ends
 * @property {number} slope
 * @property {string} line
 * @property {number[]} cell
 * @property {string} sheet
 * @property {number} across
 * @property {Pair[][]} shown
 * @property {string[]} names
 */

const SIDE = 60; // pixels of a picture below the pointer
const FAINTEST = 0.14; // a place with one pair

class Density {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Frame} */
  frame = /** @type {any} */ (null);
  /** @type {HTMLImageElement | null} */
  sheet = null;
  rows = 0;
  /** @type {[number, number] | null} the place below the pointer or the keys */
  near = null;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".pairs");
    this.svg = part(this.root, ".plot");
    this.tip = part(this.root, ".tip");
    this.svg.onpointermove = (event) => this.look(this.below(event));
    this.svg.onpointerleave = () => this.look(null);
    this.svg.onclick = (event) => this.pick(this.below(event));
    this.svg.ondblclick = () => this.open();
    this.svg.onkeydown = (event) => this.key(event);
    this.svg.onblur = () => this.look(null);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.svg);
  }

  close() {
    this.resized.disconnect();
  }

  /** @param {Data} data */
  update(data) {
    const before = this.data;
    this.data = data;
    this.rows = data.counts.length / data.columns;
    if (before?.sheet !== data.sheet) this.fetch(data.sheet);
    this.draw();
  }

  /** @param {string} base64 */
  async fetch(base64) {
    this.sheet = null;
    const image = await pictureOf(base64);
    if (this.data.sheet === base64) this.sheet = image;
    this.root.dataset.pictures = "1";
  }

  // ------------------------------------------------------------ the hand

  /** Return the place below the pointer, null where no pairs lie. @param {MouseEvent} event @returns {[number, number] | null} */
  below({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const place = this.frame.place(clientX - box.left, clientY - box.top, this.data.columns, this.rows);
    return place && this.count(place) ? place : null;
  }

  /** @param {[number, number]} place */
  count([column, row]) {
    return this.data.counts[row * this.data.columns + column];
  }

  /** @param {[number, number]} place @returns {Pair[]} */
  pairs([column, row]) {
    return this.data.shown[row * this.data.columns + column];
  }

  /** @param {[number, number] | null} place */
  pick(place) {
    if (place) this.tell("picked", place);
  }

  open() {
    const pair = this.near && this.pairs(this.near)[0];
    if (pair) this.tell("opened", pair[0]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const [right, up] = arrow(event.key);
    const { columns, cell } = this.data;
    const [column, row] = this.near ?? (cell.length ? cell : this.middle());
    if (event.key === "Enter" || event.key === " ") this.pick(this.near);
    else if (event.key === "o" || event.key === "O") this.open();
    else if (!right && !up) return;
    event.preventDefault();
    if (right || up) this.look([clamp(column + right, 0, columns - 1), clamp(row + up, 0, this.rows - 1)]);
  }

  /** Return the place of most pairs. @returns {[number, number]} */
  middle() {
    const at = this.data.counts.indexOf(Math.max(...this.data.counts));
    return [at % this.data.columns, Math.floor(at / this.data.columns)];
  }

  // ------------------------------------------------------------ what is seen

  /** Show the pairs at a place. @param {[number, number] | null} place */
  look(place) {
    if (String(place) === String(this.near)) return;
    this.near = place;
    this.svg.querySelector(".near")?.remove();
    const pairs = place ? this.pairs(place) : [];
    this.tip.hidden = !place || !pairs.length;
    if (!place) return;
    this.svg.append(this.box(place, "frame near"));
    const text = `${this.count(place).toLocaleString("en")} ${this.count(place) === 1 ? "pair" : "pairs"} here`;
    say(part(this.tip, "p"), text);
    say(part(this.root, ".said"), text);
    for (const old of this.tip.querySelectorAll("canvas")) old.remove();
    if (this.sheet) this.tip.append(...pairs.map((pair) => this.picture(pair)));
    this.put(place);
  }

  /** Put the pictures beside the place, on the side with more room. @param {[number, number]} place */
  put([column, row]) {
    const { columns } = this.data;
    const [x, y] = [
      this.frame.x((this.frame.across * column) / columns),
      this.frame.y((this.frame.up * row) / this.rows),
    ];
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const right = x + 26 + width < this.svg.clientWidth;
    this.tip.style.left = `${right ? x + 26 : Math.max(0, x - width - 12)}px`;
    this.tip.style.top = `${clamp(y - height / 2, 0, this.svg.clientHeight - height)}px`;
  }

  /** Return both pictures of a pair side by side. @param {Pair} pair */
  picture([, ...both]) {
    const sheet = /** @type {HTMLImageElement} */ (this.sheet);
    const side = sheet.width / this.data.across;
    const canvas = element("canvas", "", { width: 2 * side + 1, height: side });
    canvas.style.width = `${2 * SIDE + 2}px`;
    canvas.style.height = `${SIDE}px`;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const tiles = { image: sheet, columns: this.data.across, width: side, height: side };
    for (const [place, number] of both.entries()) drawTile(context, tiles, number, [place * (side + 1), 0]);
    return canvas;
  }

  /** @param {[number, number] | number[]} place @param {string} name */
  box([column, row], name) {
    const { frame, rows } = this;
    const [width, height] = [frame.width / this.data.columns, frame.height / rows];
    const corner = { x: frame.x(0) + column * width, y: frame.y(0) - (row + 1) * height };
    return svg("rect", { class: name, ...corner, width: Math.max(1, width - 1), height: Math.max(1, height - 1) });
  }

  draw() {
    if (!this.svg.clientWidth || !this.data) return;
    const { counts, columns, ends, slope, line, cell, names } = this.data;
    this.frame = new Frame(this.svg, ends);
    const most = Math.log1p(Math.max(...counts));
    const places = counts.flatMap((count, at) => {
      if (!count) return [];
      const place = this.box([at % columns, Math.floor(at / columns)], "place");
      place.setAttribute("fill-opacity", String(FAINTEST + (1 - FAINTEST) * (Math.log1p(count) / most) ** 2));
      return [place];
    });
    const drawn = [...places, ...this.frame.axes(names), svg("line", { class: "line", ...this.frame.line(slope) })];
    drawn.push(svg("text", { class: "name", x: this.frame.x(0) + 10, y: 24 }, `— ${line}`));
    if (cell.length) drawn.push(this.box(cell, "frame"));
    this.svg.replaceChildren(...drawn);
    this.near = null;
    this.tip.hidden = true;
    countPainted(this.root);
  }
}

export default mount(Density);
