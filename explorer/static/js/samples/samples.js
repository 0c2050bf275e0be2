// Sheets of samples, decoded here: the next ones at once, the temperature and the path from one to another in the hand.

import { countPainted, element, mount, part, say } from "../shared/dom.js";
import { arrow } from "../shared/gestures.js";
import { listen } from "../shared/live.js";
import { clamp } from "../shared/numbers.js";
import { delayed } from "../shared/reports.js";
import { between, codesOf, scaled } from "./codes.js";
import { crew } from "./crew.js";
import { Sheet } from "./sheet.js";

/** @typedef {{ hash: string, name: string, shape: import("../shared/live.js").Shape, z_dim: number, codes: string, centres: string | null }} Model */
/**
 * @typedef {object} Data as `Samples` in explorer/components/samples
 * @property {Model[]} models
 * @property {number} count
 * @property {number} columns
 * @property {number} pool
 * @property {number} seed
 * @property {number} temperature
 * @property {number} limit
 * @property {{ hash: string, seed: number } | null} picked
 * @property {number} sequence
 */

const STEPS = 9; // pictures of a path
const REPORT_AFTER = 300; // ms of rest: a series of changes is one report

class Samples {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Sheet[]} */
  sheets = [];
  /** @type {Sheet[]} */
  strips = [];
  /** @type {[from: number, to: number] | null} */
  path = null;
  seed = 0;
  temperature = 1;
  sequence = 0;
  built = "";
  crew = crew();
  idle = this.crew.decode.map(() => true);
  begun = 0;
  reported = 0; // value of `drawn` when all pictures were done the last time
  drawn = 0; // pictures of sheets so far, which tests.benchmarks.generate reads

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".samples");
    this.slider = part(this.root, "input");
    this.report = delayed(() => this.send(), REPORT_AFTER);
    part(this.root, "button").onclick = () => this.renew();
    this.slider.oninput = () => this.warm(Number(this.slider.value));
    this.deaf = listen({ decoder: () => this.data && this.spoil() });
  }

  close() {
    this.deaf();
    this.report.flush();
    this.crew.end();
    this.data = /** @type {any} */ (null);
  }

  /** @param {Data} data */
  update(data) {
    this.data = data;
    if (data.sequence >= this.sequence) [this.seed, this.temperature] = [data.seed, data.temperature];
    const models = JSON.stringify([data.models.map(({ hash, name }) => [hash, name]), data.count, data.columns]);
    if (this.built !== models) this.build();
    this.built = models;
    this.codes = data.models.map(codesOf);
    this.show();
    this.spoil();
  }

  build() {
    const { models, columns, count } = this.data;
    this.sheets = models.map((model) => new Sheet(model, columns, Math.ceil(count / columns)));
    this.strips = models.map((model) => new Sheet(model, STEPS, 1));
    this.path = null;
    part(this.root, ".sheets").replaceChildren(...this.sheets.map((sheet, at) => this.figure(sheet, at)));
    const strips = this.strips.map((strip, at) =>
      element("div", "strip", {}, element("span", "", {}, models[at].name), strip.field),
    );
    part(this.root, ".strips").replaceChildren(...strips);
  }

  /** @param {Sheet} sheet @param {number} at */
  figure(sheet, at) {
    const { field } = sheet;
    field.tabIndex = 0;
    field.setAttribute("role", "grid");
    let from = -1;
    field.onpointerdown = (event) => {
      field.setPointerCapture(event.pointerId);
      from = sheet.tileAt(event);
    };
    field.onpointermove = (event) => {
      const to = sheet.tileAt(event);
      if (from >= 0 && to !== from && to < this.data.count) this.follow(from, to);
    };
    field.onpointerup = (event) => {
      if (from >= 0 && sheet.tileAt(event) === from) this.pick(at, from);
      from = -1;
    };
    field.onpointercancel = () => {
      from = -1;
    };
    field.onkeydown = (event) => this.walk(event, sheet, at);
    field.onblur = () => sheet.mark("cursor", -1);
    return element("figure", "sheet", {}, element("figcaption", "", {}, this.data.models[at].name), field);
  }

  // ---------------------------------------------------------------- what the hand does

  renew() {
    const { count, limit } = this.data;
    this.seed = this.seed + 2 * count - 1 > limit ? 0 : this.seed + count;
    this.change();
    if (!this.held()) this.report.flush(); // its codes have to come first
  }

  /** @param {number} temperature */
  warm(temperature) {
    this.temperature = temperature;
    this.change();
  }

  change() {
    this.sequence = Math.max(this.sequence, this.data.sequence) + 1;
    this.report.start();
    this.show();
    this.spoil();
  }

  send() {
    this.tell("changed", { sequence: this.sequence, seed: this.seed, temperature: this.temperature });
  }

  /** @param {number} at @param {number} tile */
  pick(at, tile) {
    if (tile >= this.data.count) return;
    this.report.flush();
    this.tell("picked", { hash: this.data.models[at].hash, seed: this.seed + tile });
  }

  /** @param {number} from @param {number} to */
  follow(from, to) {
    if (this.path?.[0] === from && this.path[1] === to) return;
    this.path = [from, to];
    this.show();
    for (const strip of this.strips) strip.spoil();
    this.decode();
  }

  /** Arrows move, Enter opens, Shift with an arrow draws the path. @param {KeyboardEvent} event @param {Sheet} sheet @param {number} at */
  walk(event, sheet, at) {
    const [right, up] = arrow(event.key);
    const now = Math.max(0, sheet.marked("cursor"));
    if (event.key === "Enter" || event.key === " ") this.pick(at, now);
    else if (!right && !up) return;
    event.preventDefault();
    const next = clamp(now + right - up * this.data.columns, 0, this.data.count - 1);
    if (event.shiftKey && next !== now) this.follow(this.path?.[1] === now ? this.path[0] : now, next);
    sheet.mark("cursor", next);
  }

  // ---------------------------------------------------------------- showing

  /** Return how many sheets of the pool lie before this one; negative or too large where it is not held. */
  page() {
    return (this.seed - this.data.seed) / this.data.count;
  }

  held() {
    const page = this.page();
    return Number.isInteger(page) && page >= 0 && page < this.data.pool;
  }

  show() {
    const { count, models, picked } = this.data;
    this.slider.value = String(this.temperature);
    say(part(this.root, "output"), this.temperature.toFixed(2));
    say(part(this.root, ".said"), `seeds ${this.seed} to ${this.seed + count - 1}`);
    for (const [at, sheet] of this.sheets.entries()) {
      const tile = picked?.hash === models[at].hash ? picked.seed - this.seed : -1;
      sheet.mark("picked", tile >= 0 && tile < count ? tile : -1);
      sheet.field.setAttribute("aria-label", `Samples of ${models[at].name}: click one, or drag to another`);
    }
    part(this.root, ".path").hidden = !this.path;
    if (this.path)
      say(part(this.root, ".path p"), `From seed ${this.seed + this.path[0]} to seed ${this.seed + this.path[1]}`);
  }

  /** All pictures are old. */
  spoil() {
    this.begun = performance.now();
    for (const sheet of [...this.sheets, ...this.strips]) sheet.spoil();
    this.decode();
  }

  /** Return the code of a sample as it is shown. @param {number} at @param {number} tile */
  code(at, tile) {
    const { codes, centres } = /** @type {import("./codes.js").Codes[]} */ (this.codes)[at];
    const row = this.page() * this.data.count + tile;
    return scaled(codes(row), centres?.(row), this.temperature);
  }

  /** @param {number} at @param {number} step */
  onPath(at, step) {
    const [from, to] = /** @type {[number, number]} */ (this.path);
    return between(this.code(at, from), this.code(at, to), step / (STEPS - 1));
  }

  /** Every thread that is at rest goes to work. */
  decode() {
    for (const thread of this.idle.keys()) if (this.idle[thread]) this.work(thread);
  }

  /**
   * Decode one old picture after another until none is left. A change meanwhile makes all old again and the round goes on
   * where it is, so that every picture has its turn however fast the hand is; paths come first.
   *
   * @param {number} thread
   */
  async work(thread) {
    this.idle[thread] = false;
    try {
      while (this.data && this.held()) {
        const onPath = this.path ? this.strips.findIndex((strip) => strip.isOld) : -1;
        const at = onPath >= 0 ? onPath : this.oldest();
        if (at < 0) break;
        const sheet = (onPath >= 0 ? this.strips : this.sheets)[at];
        const tile = sheet.next(onPath >= 0 ? STEPS : this.data.count);
        const z = onPath >= 0 ? this.onPath(at, tile) : this.code(at, tile);
        await this.crew.decode[thread](this.data.models[at].hash, z, (pixels) => sheet.paint(tile, pixels));
        this.drawn += Number(onPath < 0);
      }
    } catch (error) {
      if (this.data) this.failed(error);
    }
    this.idle[thread] = true;
    if (this.data && this.drawn > this.reported && this.idle.every(Boolean) && this.oldest() < 0) this.done();
  }

  /** Return the sheet whose turn it is, -1 if all are done. */
  oldest() {
    let [best, at] = [-1, -1];
    for (const [index, sheet] of this.sheets.entries())
      if (sheet.left > best && sheet.isOld) [best, at] = [sheet.left, index];
    return at;
  }

  done() {
    this.reported = this.drawn;
    this.root.dataset.drawn = String(this.drawn);
    this.root.dataset.took = (performance.now() - this.begun).toFixed(1);
    countPainted(this.root);
  }

  /** @param {unknown} error */
  failed(error) {
    if (`${error}`.includes("not arrived")) return; // `listen` tells of it
    say(part(this.root, ".said"), `The decoder does not run in this browser: ${error}`);
  }
}

export default mount(Samples);
