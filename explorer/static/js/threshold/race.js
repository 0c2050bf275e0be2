// All scores of a pair at one false-alarm rate: bars, curves, histograms and pictures follow one slider.

import { mount, part, say } from "../shared/dom.js";
import { percent } from "../shared/numbers.js";
import { delayed } from "../shared/reports.js";
import { Bars } from "./bars.js";
import { Operating } from "./operating.js";
import { Roc } from "./roc.js";
import { Strips } from "./strips.js";

/**
 * @typedef {object} Line as in explorer/components/threshold
 * @property {string} key
 * @property {string} title
 * @property {string} auroc
 * @property {boolean} baseline
 * @property {string} colour
 * @property {string} dash
 * @property {string} x
 * @property {string} y
 * @property {number[]} alarms
 * @property {number[]} found
 * @property {number} ordinary
 * @property {number} outliers
 */
/** @typedef {{ ordinary: string, outliers: string, names: string[], score: string, low: number, high: number, scale: number, thresholds: number[], colour: string }} Scores */
/** @typedef {{ name: string, colour: string, first: number, scores: string }} Row */
/**
 * @typedef {object} Data as `Race` in explorer/components/threshold
 * @property {number[]} rates
 * @property {number} place
 * @property {boolean} log
 * @property {Line[]} lines
 * @property {string} focus
 * @property {Scores} scores
 * @property {Row[]} rows
 * @property {string} sprite
 * @property {number} columns
 * @property {import("../shared/live.js").Shape} shape
 */

const REPORT_AFTER = 350; // ms of rest: a key that is held is one change

class Race {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  place = 0;
  sent = -1; // the place the server knows: sent to it, or by it

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".race");
    this.slider = part(this.root, "input");
    this.rest = delayed(() => this.report(), REPORT_AFTER);
    const hand = { move: (/** @type {number} */ place) => this.move(place), end: () => this.report() };
    this.bars = new Bars(part(this.root, ".bars"), (key) => this.choose(key));
    this.roc = new Roc(part(this.root, ".roc"), hand);
    this.operating = new Operating(part(this.root, ".operating"), hand);
    this.strips = new Strips(part(this.root, ".strips"));
    this.slider.oninput = () => this.move(Number(this.slider.value));
    this.slider.onchange = () => this.rest.start(); // on release, and with every key
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.root);
  }

  close() {
    this.resized.disconnect();
    this.rest.stop();
    this.strips.close();
  }

  /** @param {Data} data */
  update(data) {
    const first = !this.data;
    this.data = data;
    if (first || (data.place !== this.sent && this.sent === this.place)) this.place = this.sent = data.place;
    this.slider.max = String(data.rates.length - 1);
    this.bars.update(data);
    this.bars.follow(this.place); // new rows have their places before they are laid out, so that they do not slide there
    this.roc.update(data);
    this.operating.update(data.scores);
    this.strips.update(data);
    part(this.root, ".border").hidden = !data.rows.length;
    say(part(this.root, ".focus"), data.lines.find((line) => line.key === data.focus)?.title ?? "");
    this.draw();
  }

  /** @param {number} place in the rates */
  move(place) {
    if (place === this.place) return;
    this.place = place;
    this.follow();
  }

  report() {
    if (this.place === this.sent) return;
    this.sent = this.place;
    this.tell("moved", this.place);
  }

  /** @param {string} key of a line */
  choose(key) {
    this.rest.flush();
    this.tell("chosen", key);
  }

  draw() {
    if (!this.data || !this.root.clientWidth) return;
    this.roc.draw();
    this.operating.draw();
    this.follow();
  }

  follow() {
    const rate = this.data.rates[this.place];
    const text = percent(rate);
    this.slider.value = String(this.place);
    this.slider.setAttribute("aria-valuetext", text);
    say(part(this.root, "output"), text);
    this.bars.follow(this.place);
    this.roc.follow(this.place);
    this.operating.follow(this.place);
    this.strips.follow(this.data.scores.thresholds[this.place]);
    this.root.dataset.rate = String(rate);
  }
}

export default mount(Race);
