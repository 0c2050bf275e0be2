// Six factor sliders. Every place of the hand is sent to the server, which renders, encodes and decodes it; one report is
// under way at a time, and the answer to it sends the latest place on.

import { element, mount, part, say } from "../shared/dom.js";
import { floatsOf } from "../shared/pictures.js";
import { repeated } from "../shared/reports.js";
import { ModelPart, verdict } from "./model.js";

/** @typedef {{ name: string, values: string[], colours: string[] }} Factor */
/**
 * @typedef {object} Data as `Stage` in explorer/components/factor_stage
 * @property {number} sequence
 * @property {number[]} values
 * @property {import("../shared/live.js").Shape} shape
 * @property {string} picture
 * @property {Factor[]} factors
 * @property {import("./model.js").Model[]} models
 * @property {string} reason
 */

const ANSWER_WITHIN = 2500; // ms

class Stage {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {FactorSlider[]} */
  sliders = [];
  /** @type {ModelPart[]} */
  models = [];
  sequence = 0; // of the last change by hand
  sent = 0; // of the report that is under way, or was answered last
  answered = 0;
  final = true; // whether the hand has let go
  reported = true; // whether the server knows that

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".stage");
    this.report = repeated(() => this.send(), ANSWER_WITHIN);
  }

  close() {
    this.report.answered();
  }

  // ---------------------------------------------------------------- what Python says

  /** @param {Data} data */
  update(data) {
    const before = this.data;
    this.data = data;
    if (!before) this.buildFactors();
    if (hashes(before) !== hashes(data)) {
      this.buildModels();
      this.sequence = this.sent = this.answered = Math.max(this.sequence, data.sequence);
    }
    if (data.sequence >= this.sent) {
      this.report.answered();
      this.answered = data.sequence;
      if (this.sequence > this.sent || (this.final && !this.reported)) this.report.start();
    }
    if (data.sequence >= this.sequence) this.showFactors(data.values);
    this.paint(data);
  }

  /** @param {Data} data */
  paint(data) {
    const picture = floatsOf(data.picture);
    for (const [place, model] of this.models.entries()) model.show(data.models[place], picture, data.shape);
    say(part(this.root, ".better"), verdict(this.models, data.reason));
    this.root.dataset.sequence = String(data.sequence);
  }

  // ---------------------------------------------------------------- the hand

  moved() {
    if (this.final) for (const model of this.models) model.begin(); // a new drag begins
    this.sequence += 1;
    this.root.dataset.hand = String(this.sequence);
    this.showFactors(this.values());
    this.changed(false);
  }

  /** @param {boolean} final whether the hand has let go */
  changed(final) {
    this.final = final;
    this.reported = false;
    if (this.answered >= this.sent) this.report.start();
  }

  send() {
    if (this.sequence === this.sent) this.sequence += 1; // the end of a drag is a report of its own
    this.sent = this.sequence;
    this.reported = this.final;
    this.tell("moved", { sequence: this.sent, values: this.values(), final: this.final });
  }

  values() {
    return this.sliders.map((slider) => Number(slider.input.value));
  }

  // ---------------------------------------------------------------- factors

  buildFactors() {
    const hand = { moved: () => this.moved(), released: () => this.changed(true) };
    this.sliders = this.data.factors.map((factor) => new FactorSlider(factor, hand));
    part(this.root, ".factors").append(...this.sliders.map((slider) => slider.node));
  }

  /** @param {number[]} values places of the factors */
  showFactors(values) {
    for (const [position, slider] of this.sliders.entries()) slider.show(values[position]);
  }

  // ---------------------------------------------------------------- models

  /** Make a section for each model: the first is there, the others are made after it. */
  buildModels() {
    const first = part(this.root, ".model");
    for (const section of [...this.root.querySelectorAll(".model")].slice(1)) section.remove();
    const others = this.data.models.slice(1).map(() => /** @type {HTMLElement} */ (first.cloneNode(true)));
    first.after(...others);
    this.models = [first, ...others].map((section) => new ModelPart(section, others.length > 0));
    part(this.root, ".better").hidden = !others.length;
  }
}

/** @param {Data | null} data */
const hashes = (data) => data?.models.map(({ model }) => model).join();

class FactorSlider {
  /** @param {Factor} factor @param {{ moved(): void, released(): void }} hand */
  constructor(factor, hand) {
    this.factor = factor;
    this.output = element("output");
    const attributes = { type: "range", min: 0, max: factor.values.length - 1, step: 1, "aria-label": factor.name };
    this.input = element("input", "", attributes);
    this.input.oninput = hand.moved;
    this.input.onchange = hand.released;
    this.node = element("label", "factor", {}, element("b", "", {}, factor.name), this.output, this.input);
  }

  /** @param {number} place among the factor's values */
  show(place) {
    const { values, colours } = this.factor;
    if (Number(this.input.value) !== place) this.input.value = String(place);
    this.input.setAttribute("aria-valuetext", values[place]);
    const swatch = colours.length ? [element("i", "", { style: `background: ${colours[place]}` })] : [];
    this.output.replaceChildren(...swatch, values[place]);
  }
}

export default mount(Stage);
