// One axis of the panel: its name, the densities with the slider on them, its value and the button back.

import { axisLabel } from "../shared/axes.js";
import { densityAt, densityDrawing, unpacked } from "../shared/density.js";
import { element, say, setVariables } from "../shared/dom.js";
import { keyed } from "../shared/gestures.js";
import { share, signed } from "../shared/numbers.js";

/**
 * @typedef {object} Axis as `Axis` in explorer/components/live_decoder
 * @property {number} i
 * @property {string} carries
 * @property {number} rank
 * @property {number} effect
 * @property {number} share
 * @property {boolean} live
 * @property {number} low
 * @property {number} high
 * @property {string} density
 * @property {string} prior
 */
/** @typedef {{ edit(value: number | null): void, commit(): void, name(): void, rest: ReturnType<typeof import("../shared/reports.js").delayed> }} Hand */

const MOVED = 5e-4; // a smaller change is none: values are rounded to three digits

/** Return whether a value differs from the start. @type {(value: number, start: number) => boolean} */
export const differs = (value, start) => Math.abs(value - start) > MOVED;

/** Return the slider's ends: the range of the codes, reaching out to the values that lie beyond. @param {{ low: number, high: number }} axis @param {number[]} values */
export const range = ({ low, high }, ...values) => ({ low: Math.min(low, ...values), high: Math.max(high, ...values) });

export class Slider {
  start = 0;
  value = 0;

  /** @param {Axis} axis @param {number} levels of the packed densities @param {number} outside share of the peak below which hardly a code lies @param {Hand} hand */
  constructor(axis, levels, outside, hand) {
    this.axis = axis;
    this.outside = outside;
    this.hand = hand;
    this.density = unpacked(axis.density, levels);
    const effect = element("i", "effect", { style: `--share: ${axis.share}` });
    this.input = element("input", "", { type: "range", step: "any" });
    this.anchor = element("i", "anchor");
    this.sigma = element("i", "sigma");
    this.output = element("output", "value");
    const reset = { type: "button", title: `Reset z${axis.i}`, "aria-label": `Reset axis ${axis.i}` };
    this.button = element("button", "reset", reset, "↺");
    this.label = element("small");
    this.name = element(
      "button",
      "name",
      { type: "button", "aria-expanded": "false" },
      `z${axis.i} `,
      this.label,
      effect,
    );
    const track = element("div", "track", {}, densityDrawing(this.density, unpacked(axis.prior, levels)));
    track.append(this.sigma, this.anchor, this.input);
    this.node = element("div", "axis", { "data-axis": axis.i }, this.name, track, this.output, this.button);
    this.wire();
  }

  wire() {
    const { input, button, hand } = this;
    input.oninput = () => hand.edit(Number(input.value));
    input.onchange = () => hand.commit();
    input.onkeydown = (event) => this.nudge(event);
    input.onblur = () => hand.rest.flush();
    this.name.onclick = () => hand.name();
    input.ondblclick = button.onclick = () => {
      hand.edit(null);
      hand.commit();
    };
  }

  /** Show the name that the user gave to the axis, else the factor it carries. @param {string} given */
  rename(given) {
    const { axis } = this;
    const named = axisLabel(given ? { i: axis.i, carries: given } : axis);
    say(this.label, given || axis.carries.replace(/ \([\d.]+\)$/, ""));
    const factor = given && axis.carries ? `, ${axis.carries}` : "";
    const effect = `moves the picture by ${axis.effect.toFixed(3)} RMS from its 5 % to its 95 % quantile`;
    this.name.title = `${named}${factor}: ${effect}; rank ${axis.rank}. Click to name it`;
    this.input.setAttribute("aria-label", `Axis ${named.slice(1)}`);
  }

  /** Arrow keys move by a hundredth of the range, with shift by a tenth; Home and End go to the ends, Escape back. @param {KeyboardEvent} event */
  nudge(event) {
    const { low, high } = range(this.axis, this.start, this.value);
    const back = event.key === "Escape";
    const goal = back ? null : keyed(event, { value: this.value, low, high, step: (high - low) / 100 });
    if (goal === undefined) return;
    event.preventDefault();
    this.hand.edit(goal);
    this.hand.rest.start();
  }

  /** @param {number} value */
  show(value) {
    const { input, output, axis, start } = this;
    this.value = value;
    const { low, high } = range(axis, start, value);
    if (Number(input.min) !== low) input.min = String(low);
    if (Number(input.max) !== high) input.max = String(high);
    if (Math.abs(Number(input.value) - value) > 1e-9) input.value = String(value);
    say(output, signed(value));
    const outside = densityAt(this.density, axis.low, axis.high, value) < this.outside;
    this.node.classList.toggle("outside", outside);
    output.title = outside ? "Outside the learned density: hardly any test code lies here" : "";
    const moved = differs(value, start);
    this.node.classList.toggle("moved", moved);
    this.button.disabled = !moved;
    input.setAttribute("aria-valuetext", `${value.toFixed(2)}${outside ? ", outside the learned density" : ""}`);
  }

  /** Show where the start lies, and how sure the encoder is of it (two standard deviations to each side). @param {number} start @param {number | undefined} sigma */
  showStart(start, sigma) {
    this.start = start;
    const { low, high } = range(this.axis, start);
    const at = (/** @type {number} */ value) => share(value, low, high);
    setVariables(this.anchor, { at: at(start) });
    this.sigma.hidden = sigma === undefined;
    if (sigma === undefined) return;
    setVariables(this.sigma, { from: at(start - 2 * sigma), to: at(start + 2 * sigma) });
    this.sigma.title = `posterior: ${start.toFixed(2)} ± ${sigma.toFixed(2)}`;
  }
}
