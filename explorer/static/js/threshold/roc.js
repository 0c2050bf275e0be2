// ROC curves, and on each the point of the false-alarm rate; the rate can be dragged here too.

import { setAttributes, svg } from "../shared/dom.js";
import { followPointer } from "../shared/gestures.js";
import { clamp, nearestPlace } from "../shared/numbers.js";
import { numbersOf } from "../shared/pictures.js";

/** @typedef {import("./race.js").Line} Line */
/** @typedef {{ move(place: number): void, end(): void }} Hand */
/** @typedef {{ line: Line, x: Float32Array, y: Float32Array }} Curve */

const [LEFT, RIGHT, TOP, BOTTOM] = [56, 12, 8, 44]; // pixels around the field
const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];

export class Roc {
  /** @type {Curve[]} */
  curves = [];
  /** @type {number[]} */
  rates = [];
  focus = "";
  log = true;
  least = 1e-4; // where the logarithmic axis begins: half of one ordinary picture

  /** @param {HTMLElement} root @param {Hand} hand */
  constructor(root, hand) {
    this.svg = root;
    const move = (/** @type {number} */ across) => hand.move(nearestRate(this.rates, this.rate(across)));
    followPointer(root, { begin: () => {}, move, end: hand.end });
  }

  /** @param {{ lines: Line[], rates: number[], focus: string, log: boolean }} data */
  update({ lines, rates, focus, log }) {
    this.curves = lines.map((line) => ({ line, x: numbersOf(line.x), y: numbersOf(line.y) }));
    Object.assign(this, { rates, focus, log });
    this.least = 0.5 / Math.max(1, ...lines.map((line) => line.ordinary));
  }

  get width() {
    return Math.max(1, this.svg.clientWidth - LEFT - RIGHT);
  }

  /** Return the rate under the pointer. @param {number} across share of the whole drawing */
  rate(across) {
    const share = clamp((across * this.svg.clientWidth - LEFT) / this.width);
    return this.log ? this.least ** (1 - share) : share;
  }

  /** @param {number} rate */
  x(rate) {
    const share = this.log ? 1 - Math.log(Math.max(rate, this.least)) / Math.log(this.least) : rate;
    return LEFT + share * this.width;
  }

  /** @param {number} share */
  y(share) {
    return TOP + (1 - share) * (this.svg.clientHeight - TOP - BOTTOM);
  }

  draw() {
    const drawn = [...this.curves].reverse(); // baselines first, the selected model on top
    this.points = drawn.map(({ line: { key, colour, baseline } }) =>
      svg("circle", { class: `point${key === this.focus ? " focused" : ""}`, r: baseline ? 4 : 5.5, fill: colour }),
    );
    this.now = svg("line", { class: "now", y1: TOP, y2: this.y(0) });
    this.svg.replaceChildren(...this.grid(), ...drawn.map((curve) => this.line(curve)), this.now, ...this.points);
    const names = this.curves.map(({ line }) => `${line.title}, AUROC ${line.auroc}`).join("; ");
    this.svg.setAttribute("aria-label", `ROC curves: ${names}`);
  }

  grid() {
    const decades = Array.from({ length: 8 }, (_, i) => 10 ** -i).filter((rate) => rate >= this.least);
    const nodes = (this.log ? decades : SHARES).flatMap((rate) => {
      const x = this.x(rate);
      const text = svg("text", { x, y: this.y(0) + 16, "text-anchor": rate === 1 ? "end" : "middle" }, short(rate));
      return [svg("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: this.y(0) }), text];
    });
    for (const share of SHARES) {
      const y = this.y(share);
      nodes.push(svg("line", { class: "grid", x1: LEFT, x2: LEFT + this.width, y1: y, y2: y }));
      nodes.push(svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, short(share)));
    }
    const middle = LEFT + this.width / 2;
    nodes.push(svg("text", { class: "name", x: middle, y: this.y(0) + 36 }, "ordinary pictures flagged"));
    const up = `translate(10 ${this.y(0.5)}) rotate(-90)`;
    nodes.push(svg("text", { class: "name", transform: up }, "outliers flagged"));
    return nodes;
  }

  /** @param {Curve} curve */
  line({ line: { key, colour, dash, baseline }, x, y }) {
    const path = Array.from(x, (rate, i) => `${this.x(rate).toFixed(1)} ${this.y(y[i]).toFixed(1)}`).join("L");
    const kind = `line${baseline ? " baseline" : ""}${key === this.focus ? "" : " unfocused"}`;
    return svg("path", { class: kind, d: `M${path}`, stroke: colour, "stroke-dasharray": dash });
  }

  /** @param {number} at place of the rate */
  follow(at) {
    if (!this.now || !this.points) return;
    const x = this.x(this.rates[at]);
    setAttributes(this.now, { x1: x, x2: x });
    for (const [i, { line }] of [...this.curves].reverse().entries()) {
      const [alarms, found] = [
        line.alarms[at] / Math.max(1, line.ordinary),
        line.found[at] / Math.max(1, line.outliers),
      ];
      setAttributes(this.points[i], { cx: this.x(alarms), cy: this.y(found) });
    }
  }
}

/** Return the place of the rate nearest to one, by ratio. @param {number[]} rates above 0 @param {number} rate */
export const nearestRate = (rates, rate) => nearestPlace(rates.map(Math.log), Math.log(Math.max(rate, 1e-9)));

/** Return "0.1%". @param {number} share */
const short = (share) => `${Number((100 * share).toPrecision(3))}%`;
