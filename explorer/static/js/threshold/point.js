// Two histograms and a threshold under the hand: every move is counted here, the server hears of the release.

import { element, mount, part, setAttributes } from "../shared/dom.js";
import { followPointer, keyed } from "../shared/gestures.js";
import { percent } from "../shared/numbers.js";
import { numbersOf } from "../shared/pictures.js";
import { delayed } from "../shared/reports.js";
import { below, histogram, Scale } from "./scale.js";

/**
 * @typedef {object} Data as `Point` in explorer/components/threshold
 * @property {string} ordinary
 * @property {string} outliers
 * @property {string[]} names
 * @property {string} score
 * @property {number} low
 * @property {number} high
 * @property {number} scale
 * @property {number} threshold
 * @property {string} colour
 */

const SETS = ["ordinary", "outliers"];
const BINS = 72;
const TOP = 26; // room for the handle's label
const BOTTOM = 40; // and for the axis
const STEP = 1 / 240; // of the axis, for one press of an arrow key
const REPORT_AFTER_KEYS = 350; // ms of rest

class Point {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Scale} */
  scale = /** @type {any} */ (null);
  ordinary = new Float32Array();
  outliers = new Float32Array();
  threshold = 0;
  floor = 0; // of the bars, in pixels
  held = false;
  waiting = false; // for the answer to a release

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".operating");
    this.svg = part(this.root, ".chart");
    this.handle = part(this.root, ".handle");
    const hold = (/** @type {boolean} */ held) => {
      this.held = held;
      this.root.classList.toggle("dragging", held);
      if (held) this.handle.focus({ preventScroll: true });
      else this.commit();
    };
    followPointer(this.svg, { begin: () => hold(true), move: (across) => this.move(across), end: () => hold(false) });
    this.rest = delayed(() => this.commit(), REPORT_AFTER_KEYS);
    this.handle.onkeydown = (event) => this.nudge(event);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.svg);
  }

  close() {
    this.resized.disconnect();
    this.rest.stop();
  }

  /** @param {Data} data */
  update(data) {
    const before = this.data;
    this.data = data;
    this.scale = new Scale(data);
    this.root.style.setProperty("--outliers", data.colour);
    if (before?.ordinary !== data.ordinary) this.ordinary = numbersOf(data.ordinary);
    if (before?.outliers !== data.outliers) this.outliers = numbersOf(data.outliers);
    const elsewhere = before && (before.score !== data.score || before.ordinary !== data.ordinary);
    if (!this.held && (!this.waiting || elsewhere || data.threshold === this.threshold)) {
      this.threshold = data.threshold;
      this.waiting = false;
    }
    this.draw();
  }

  // ------------------------------------------------------------ the hand

  /** @param {KeyboardEvent} event */
  nudge(event) {
    const goal = keyed(event, { value: this.scale.place(this.threshold), low: 0, high: 1, step: STEP });
    if (goal === undefined) return;
    event.preventDefault();
    this.move(goal);
    this.rest.start();
  }

  /** @param {number} place on the axis */
  move(place) {
    this.threshold = Number(this.scale.value(place).toPrecision(6));
    this.follow();
  }

  commit() {
    this.waiting = true; // an answer to an earlier release must not take the threshold back
    this.tell("moved", String(this.threshold));
  }

  // ------------------------------------------------------------ drawing

  draw() {
    const { clientWidth: width, clientHeight: height } = this.svg;
    if (!width || !this.data) return;
    this.floor = height - BOTTOM;
    const bars = [this.ordinary, this.outliers].map((scores) => histogram(scores, this.scale, BINS));
    const highest = Math.max(...bars.flat());
    for (const [i, shares] of bars.entries()) {
      part(this.svg, `.bars.${SETS[i]}`).setAttribute("d", outline(shares, width, this.floor, highest));
    }
    setAttributes(part(this.svg, ".base"), { x1: 0, x2: width, y1: this.floor, y2: this.floor });
    const marks = this.scale.ticks(width).map((value) => this.mark(value, width));
    part(this.svg, ".ticks").innerHTML = marks.join("");
    label(part(this.svg, ".axis"), width, height - 4, `${this.data.score} →`);
    label(part(this.svg, ".share"), 0, height - 4, `peak: ${percent(highest)} of the pictures`);
    this.follow();
  }

  /** Return a tick. @param {number} value @param {number} width */
  mark(value, width) {
    const x = this.scale.place(value) * width;
    const anchor = x < 14 ? "start" : x > width - 14 ? "end" : "middle";
    return `<line x1="${x}" x2="${x}" y1="${this.floor}" y2="${this.floor + 4}"></line>
      <text x="${x}" y="${this.floor + 16}" style="text-anchor:${anchor}">${short(value)}</text>`;
  }

  follow() {
    const width = this.svg.clientWidth;
    if (!width) return;
    const x = this.scale.place(this.threshold) * width;
    const flagged = { x, y: TOP, width: Math.max(0, width - x), height: this.floor - TOP };
    setAttributes(part(this.svg, ".flagged"), flagged);
    const middle = TOP + (this.floor - TOP) / 2;
    setAttributes(part(this.handle, "line"), { x1: x, x2: x, y1: TOP - 6, y2: this.floor });
    setAttributes(part(this.handle, ".grip"), { x: x - 6.5, y: middle - 13 });
    setAttributes(part(this.handle, ".ribs"), { d: `M${x - 2} ${middle - 5}v10M${x + 2} ${middle - 5}v10` });
    const late = x > width / 2;
    const text = part(this.handle, "text");
    label(text, late ? x - 8 : x + 8, 14, `threshold ${this.written()}`);
    text.style.textAnchor = late ? "end" : "start";
    this.count();
  }

  written() {
    return String(Number(this.threshold.toPrecision(4)));
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
    // biome-ignore lint/performance/useDomNodeTextContent: innerText keeps the cells apart
    const counts = part(this.root, "tbody").innerText;
    setAttributes(this.handle, {
      "aria-valuemin": this.data.low,
      "aria-valuemax": this.data.high,
      "aria-valuenow": this.threshold,
      "aria-valuetext": `${this.written()}: ${counts}`,
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

export default mount(Point);
