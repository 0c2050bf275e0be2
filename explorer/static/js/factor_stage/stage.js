// Six factor sliders. Every place of the hand is sent to the server, which renders, encodes and decodes it; one report is
// under way at a time, and the answer to it sends the latest place on.

import { axisLabel, fillAxes } from "../shared/axes.js";
import { isDark } from "../shared/colour.js";
import { element, mount, part, say, setVariables } from "../shared/dom.js";
import { share, signed } from "../shared/numbers.js";
import { errorText, floatsOf, paintDifference, paintPicture } from "../shared/pictures.js";
import { repeated } from "../shared/reports.js";

/** @typedef {{ i: number, carries: string, live: boolean, low: number, high: number, quantiles: number[], spread: number }} Axis */
/** @typedef {{ name: string, values: string[], colours: string[] }} Factor */
/**
 * @typedef {object} Data as `Stage` in explorer/components/factor_stage
 * @property {string} model
 * @property {number} sequence
 * @property {number[]} values
 * @property {import("../shared/live.js").Shape} shape
 * @property {string} picture
 * @property {string} reconstruction
 * @property {number[]} code
 * @property {Factor[]} factors
 * @property {Axis[]} axes
 */

const ANSWER_WITHIN = 2500; // ms
const NOTHING = 0.05; // standard deviations: an axis that moved by less did not

class Stage {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {FactorSlider[]} */
  sliders = [];
  /** @type {AxisRow[]} */
  rows = [];
  /** @type {number[]} code before the last drag */
  before = [];
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
    const anew = before?.model !== data.model;
    if (anew || before.axes.map(axisLabel).join() !== data.axes.map(axisLabel).join()) this.buildAxes();
    if (anew) {
      this.sequence = this.sent = this.answered = Math.max(this.sequence, data.sequence);
      this.before = data.code;
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
    const canvas = (/** @type {string} */ name) => part(part(this.root, `.${name}`), "canvas");
    const [picture, remade] = [floatsOf(data.picture), floatsOf(data.reconstruction)];
    paintPicture(canvas("rendered"), picture, data.shape);
    paintPicture(canvas("reconstruction"), remade, data.shape);
    paintDifference(canvas("error"), remade, picture, data.shape, isDark(this.root));
    say(part(this.root, ".reconstruction small"), errorText(remade, picture));
    this.showCode(data.code);
    this.root.dataset.sequence = String(data.sequence);
  }

  // ---------------------------------------------------------------- the hand

  moved() {
    if (this.final) this.before = this.data.code; // a new drag begins
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

  // ---------------------------------------------------------------- the code

  buildAxes() {
    this.rows = this.data.axes.map((axis) => new AxisRow(axis));
    fillAxes(this.root, this.rows);
  }

  /** @param {number[]} code */
  showCode(code) {
    const moves = movesOf(this.data.axes, this.before, code);
    const most = moves.indexOf(Math.max(...moves));
    const some = moves[most] > NOTHING;
    this.rows.forEach((row, position) => {
      const { i } = row.axis;
      row.show(this.before[i], code[i], moves[position] > NOTHING);
      row.node.classList.toggle("most", some && position === most);
    });
    const text = some
      ? `${axisLabel(this.rows[most].axis)} moved most: ${percentOfSquares(moves, most)} % of the squared movement, in standard deviations.`
      : "Move a factor, and watch which axes follow.";
    say(part(this.root, ".moved"), text);
  }
}

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

/** An axis of the code: where the known codes lie, the code now and before. */
class AxisRow {
  /** @param {Axis} axis */
  constructor(axis) {
    this.axis = axis;
    const [line, usual, median] = ["line", "usual", "median"].map((name) => element("i", name));
    this.change = element("i", "change");
    this.before = element("i", "before");
    this.now = element("i", "now");
    this.value = element("output", "value");
    const name = element("span", "name", { title: axisLabel(axis) }, element("b", "", {}, `z${axis.i}`));
    name.append(element("small", "", {}, axis.carries));
    const track = element("div", "track", {}, line, usual, median, this.change, this.before, this.now);
    this.node = element("div", "axis", { "data-axis": axis.i }, name, track, this.value);
    const [low, middle, high] = axis.quantiles.map((quantile) => share(quantile, axis.low, axis.high));
    setVariables(usual, { from: low, to: high });
    setVariables(median, { at: middle });
  }

  /** @param {number} before @param {number} now @param {boolean} moved */
  show(before, now, moved) {
    const [from, to] = [before, now].map((value) => share(value, this.axis.low, this.axis.high));
    setVariables(this.before, { at: from });
    setVariables(this.now, { at: to });
    setVariables(this.change, { from: Math.min(from, to), to: Math.max(from, to) });
    this.before.hidden = this.change.hidden = !moved;
    say(this.value, signed(now));
  }
}

/** Return how far each axis moved, in standard deviations; axes without effect did not. @param {Axis[]} axes @param {number[]} before @param {number[]} now */
export function movesOf(axes, before, now) {
  return axes.map(({ i, live, spread }) => (live ? Math.abs(now[i] - before[i]) / spread : 0));
}

/** Return one movement's share of all squared ones, in whole per cent. @param {number[]} moves @param {number} position */
export function percentOfSquares(moves, position) {
  const total = moves.reduce((sum, move) => sum + move ** 2, 0);
  return Math.round((100 * moves[position] ** 2) / total);
}

export default mount(Stage);
