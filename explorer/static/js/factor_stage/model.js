// One model on the stage: its reconstruction of the rendered picture, and how its code has moved.

import { axisLabel, fillAxes } from "../shared/axes.js";
import { isDark } from "../shared/colour.js";
import { element, part, say, setVariables } from "../shared/dom.js";
import { share, signed } from "../shared/numbers.js";
import { errorText, floatsOf, paintDifference, paintPicture, rootMeanSquare } from "../shared/pictures.js";

/** @typedef {{ i: number, carries: string, live: boolean, low: number, high: number, quantiles: number[], spread: number }} Axis */
/**
 * @typedef {object} Model as `Model` in explorer/components/factor_stage
 * @property {string} name
 * @property {string} model
 * @property {string} reconstruction
 * @property {number[]} code
 * @property {Axis[]} axes
 */

const NOTHING = 0.05; // standard deviations: an axis that moved by less did not

export class ModelPart {
  /** @type {Model} */
  data = /** @type {any} */ (null);
  /** @type {AxisRow[]} */
  rows = [];
  /** @type {number[]} code before the last drag */
  before = [];
  error = 0; // of the reconstruction, root mean square
  most = 0; // percentage of the squared movement on one axis

  /** @param {HTMLElement} root @param {boolean} named whether another model stands beside it */
  constructor(root, named) {
    this.root = root;
    part(root, ".of").hidden = !named;
  }

  /** A drag begins: what the code moves is counted from here. */
  begin() {
    this.before = this.data.code;
  }

  /** @param {Model} data @param {Float32Array} picture @param {import("../shared/live.js").Shape} shape */
  show(data, picture, shape) {
    const labels = (/** @type {Model | null} */ known) => known?.axes.map(axisLabel).join();
    const anew = labels(this.data) !== labels(data);
    if (!this.data) this.before = data.code;
    this.data = data;
    if (anew) this.buildAxes();
    say(part(this.root, ".of"), data.name);
    for (const [name, label] of Object.entries({ pictures: "Pictures", code: "Code" })) {
      part(this.root, `.${name}`).setAttribute("aria-label", `${label} of ${data.name}`);
    }
    this.paint(floatsOf(data.reconstruction), picture, shape);
    this.showCode(data.code);
  }

  /** @param {Float32Array} remade @param {Float32Array} picture @param {import("../shared/live.js").Shape} shape */
  paint(remade, picture, shape) {
    const canvas = (/** @type {string} */ name) => part(part(this.root, `.${name}`), "canvas");
    paintPicture(canvas("rendered"), picture, shape);
    paintPicture(canvas("reconstruction"), remade, shape);
    paintDifference(canvas("error"), remade, picture, shape, isDark(this.root));
    this.error = rootMeanSquare(remade, picture);
    say(part(this.root, ".reconstruction small"), errorText(remade, picture));
  }

  buildAxes() {
    this.rows = this.data.axes.map((axis) => new AxisRow(axis));
    fillAxes(this.root, this.rows);
  }

  /** @param {number[]} code */
  showCode(code) {
    const moves = movesOf(this.data.axes, this.before, code);
    const most = moves.indexOf(Math.max(...moves));
    const some = moves[most] > NOTHING;
    this.most = some ? percentOfSquares(moves, most) : 0;
    this.rows.forEach((row, position) => {
      const { i } = row.axis;
      row.show(this.before[i], code[i], moves[position] > NOTHING);
      row.node.classList.toggle("most", some && position === most);
    });
    const text = some
      ? `${axisLabel(this.rows[most].axis)} moved most: ${this.most} % of the squared movement, in standard deviations.`
      : "Move a factor, and watch which axes follow.";
    say(part(this.root, ".moved"), text);
  }
}

/**
 * Return which of two models reconstructs the picture better, and which moves fewer axes, followed by `reason`; empty for
 * one model.
 *
 * @param {{ data: { name: string }, error: number, most: number }[]} models @param {string} reason
 */
export function verdict([one, two], reason) {
  if (!two) return "";
  const [near, far] = one.error <= two.error ? [one, two] : [two, one];
  const errors = [near, far].map(({ error }) => error.toFixed(3));
  const said =
    errors[0] === errors[1]
      ? [`Both reconstruct this picture equally well: RMSE ${errors[0]}.`]
      : [`${near.data.name} reconstructs this picture better: RMSE ${errors[0]} against ${errors[1]}.`];
  const [more, less] = one.most >= two.most ? [one, two] : [two, one];
  if (more.most > less.most) {
    said.push(`${more.data.name} has more of the movement on one axis: ${more.most} % against ${less.most} %.`);
  }
  return [...said, reason].join(" ");
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
