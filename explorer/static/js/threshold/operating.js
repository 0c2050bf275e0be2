// Histograms of one score with the threshold of the rate, which can be dragged; what it flags is counted below them.

import { element, part, setAttributes } from "../shared/dom.js";
import { followPointer } from "../shared/gestures.js";
import { nearestPlace, percent } from "../shared/numbers.js";
import { numbersOf } from "../shared/pictures.js";
import { below, histogram, Scale } from "./scale.js";

/** @typedef {import("./race.js").Scores} Scores */

const SETS = ["ordinary", "outliers"];
const BINS = 72;
const TOP = 26; // room for the handle's label
const BOTTOM = 40; // and for the axis

export class Operating {
  /** @type {Scores} */
  data = /** @type {any} */ (null);
  /** @type {Scale} */
  scale = /** @type {any} */ (null);
  ordinary = new Float32Array();
  outliers = new Float32Array();
  threshold = 0;
  floor = 0; // of the bars, in pixels

  /** @param {HTMLElement} root @param {import("./roc.js").Hand} hand */
  constructor(root, hand) {
    this.root = root;
    this.svg = part(root, ".chart");
    this.handle = part(root, ".handle");
    const move = (/** @type {number} */ across) =>
      hand.move(nearestPlace(this.data.thresholds, this.scale.value(across)));
    followPointer(this.svg, { begin: () => {}, move, end: hand.end });
  }

  /** @param {Scores} data */
  update(data) {
    const before = this.data;
    this.data = data;
    this.scale = new Scale(data);
    this.root.style.setProperty("--outliers", data.colour);
    if (before?.ordinary !== data.ordinary) this.ordinary = numbersOf(data.ordinary);
    if (before?.outliers !== data.outliers) this.outliers = numbersOf(data.outliers);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.svg;
    this.floor = height - BOTTOM;
    const bars = [this.ordinary, this.outliers].map((scores) => histogram(scores, this.scale, BINS));
    const highest = Math.max(...bars.flat());
    for (const [i, shares] of bars.entries()) {
      part(this.svg, `.set.${SETS[i]}`).setAttribute("d", outline(shares, width, this.floor, highest));
    }
    setAttributes(part(this.svg, ".base"), { x1: 0, x2: width, y1: this.floor, y2: this.floor });
    const marks = this.scale.ticks(width).map((value) => this.mark(value, width));
    part(this.svg, ".ticks").innerHTML = marks.join("");
    label(part(this.svg, ".axis"), width, height - 4, `${this.data.score} →`);
    label(part(this.svg, ".share"), 0, height - 4, `peak: ${percent(highest)} of the pictures`);
  }

  /** Return a tick. @param {number} value @param {number} width */
  mark(value, width) {
    const x = this.scale.place(value) * width;
    const anchor = x < 14 ? "start" : x > width - 14 ? "end" : "middle";
    return `<line x1="${x}" x2="${x}" y1="${this.floor}" y2="${this.floor + 4}"></line>
      <text x="${x}" y="${this.floor + 16}" style="text-anchor:${anchor}">${short(value)}</text>`;
  }

  /** @param {number} at place of the rate */
  follow(at) {
    this.threshold = this.data.thresholds[at];
    const width = this.svg.clientWidth;
    const x = this.scale.place(this.threshold) * width;
    const flagged = { x, y: TOP, width: Math.max(0, width - x), height: this.floor - TOP };
    setAttributes(part(this.svg, ".flagged"), flagged);
    const middle = TOP + (this.floor - TOP) / 2;
    setAttributes(part(this.handle, "line"), { x1: x, x2: x, y1: TOP - 6, y2: this.floor });
    setAttributes(part(this.handle, ".grip"), { x: x - 6.5, y: middle - 13 });
    setAttributes(part(this.handle, ".ribs"), { d: `M${x - 2} ${middle - 5}v10M${x + 2} ${middle - 5}v10` });
    const late = x > width / 2;
    const text = part(this.handle, "text");
    label(text, late ? x - 8 : x + 8, 14, `threshold ${Number(this.threshold.toPrecision(4))}`);
    text.style.textAnchor = late ? "end" : "start";
    this.count();
  }

  count() {
    const at = Math.fround(this.threshold); // scores are float32, and so is the comparison on the server
    [this.ordinary, this.outliers].forEach((scores, i) => {
      const accepted = below(scores, at, true);
      const [head, left, right] = part(this.root, `tr.${SETS[i]}`).children;
      head.textContent = this.data.names[i];
      fill(left, accepted, scores.length);
      fill(right, scores.length - accepted, scores.length);
    });
    this.root.dataset.threshold = String(this.threshold);
  }
}

/** @param {number[]} shares @param {number} width @param {number} floor @param {number} highest */
function outline(shares, width, floor, highest) {
  const parts = shares.map((share, i) => {
    const y = floor - (share / highest) * (floor - TOP);
    return `L${((i / BINS) * width).toFixed(1)} ${y.toFixed(1)}H${(((i + 1) / BINS) * width).toFixed(1)}`;
  });
  return `M0 ${floor}${parts.join("")}L${width} ${floor}Z`;
}

/** @param {Element} cell @param {number} count @param {number} total */
function fill(cell, count, total) {
  const share = element("small", "", {}, percent(count / Math.max(1, total)));
  cell.replaceChildren(count.toLocaleString("en"), " ", share);
}

/** @param {Element} text @param {number} x @param {number} y @param {string} content */
function label(text, x, y, content) {
  setAttributes(text, { x, y });
  text.textContent = content;
}

const short = (/** @type {number} */ value) =>
  Math.abs(value) >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
