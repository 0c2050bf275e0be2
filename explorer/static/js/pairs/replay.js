// The same pairs at each validation of a training: a slider goes through them, or they play.

import { mount, part, say, setAttributes, svg } from "../shared/dom.js";
import { bytesOf } from "../shared/pictures.js";
import { Frame } from "./frame.js";

/**
 * @typedef {object} Data as `Replay` in explorer/components/pairs
 * @property {number[]} steps
 * @property {number[]} slopes
 * @property {(number | null)[]} spearman
 * @property {string} d_z
 * @property {string} d_x
 * @property {[number, number]} ends
 * @property {string[]} names
 */

const LASTS = 6000; // ms of the whole replay
const SLOWEST = 400; // ms of one validation at most

class Replay {
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Uint16Array[]} distances of codes, of pictures; 65,535 is the end of the axis */
  distances = [];
  /** @type {Element[]} */
  dots = [];
  /** @type {Frame} */
  frame = /** @type {any} */ (null);
  timer = 0;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".pairs");
    this.svg = part(this.root, ".plot");
    this.slider = part(this.root, "input");
    this.button = part(this.root, "button");
    this.slider.oninput = () => {
      this.pause();
      this.show();
    };
    this.button.onclick = () => (this.timer ? this.pause() : this.play());
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.svg);
  }

  close() {
    this.pause();
    this.resized.disconnect();
  }

  /** @param {Data} data */
  update(data) {
    const isNew = this.data?.d_z !== data.d_z || this.data.d_x !== data.d_x;
    this.data = data;
    if (isNew) {
      this.pause();
      this.distances = [data.d_z, data.d_x].map((text) => new Uint16Array(bytesOf(text).buffer));
      this.slider.max = String(data.steps.length - 1);
      this.slider.value = this.slider.max;
    }
    this.draw();
  }

  get at() {
    return Number(this.slider.value);
  }

  // ------------------------------------------------------------ playing

  play() {
    const last = this.data.steps.length - 1;
    if (this.at >= last) this.slider.value = "0";
    this.show();
    const next = () => {
      this.slider.value = String(this.at + 1);
      this.show();
      if (this.at >= last) this.pause();
    };
    this.timer = setInterval(next, Math.min(SLOWEST, LASTS / Math.max(1, last)));
    this.button.setAttribute("aria-label", "Pause");
    say(this.button, "⏸");
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.setAttribute("aria-label", "Play");
    say(this.button, "▶");
  }

  // ------------------------------------------------------------ drawing

  draw() {
    if (!this.svg.clientWidth || !this.data) return;
    this.frame = new Frame(this.svg, this.data.ends);
    const pairs = this.distances[0].length / this.data.steps.length;
    this.dots = Array.from({ length: pairs }, () => svg("circle", { class: "dot", r: 3.5 }));
    this.line = svg("line", { class: "line" });
    this.svg.replaceChildren(...this.frame.axes(this.data.names), ...this.dots, this.line);
    this.show();
  }

  show() {
    const { steps, slopes, spearman, ends } = this.data;
    const [d_z, d_x] = this.distances;
    const first = this.at * this.dots.length;
    for (const [pair, dot] of this.dots.entries()) {
      const [codes, pictures] = [d_z[first + pair], d_x[first + pair]].map((value) => value / 65535);
      setAttributes(dot, { cx: this.frame.x(codes * ends[0]), cy: this.frame.y(pictures * ends[1]) });
    }
    if (this.line) setAttributes(this.line, this.frame.line(slopes[this.at]));
    const known = spearman[this.at];
    const text = `step ${steps[this.at].toLocaleString("en")}${known === null ? "" : ` · Spearman ${known.toFixed(2)}`}`;
    say(part(this.root, "output"), text);
    this.slider.setAttribute("aria-valuetext", text);
    this.root.dataset.step = String(steps[this.at]);
  }
}

export default mount(Replay);
