// Sliders for some axes of a code, and the picture that follows.

import { decodeLatest } from "../shared/decoder.js";
import { element, say } from "../shared/dom.js";
import { keyed } from "../shared/gestures.js";
import { signed } from "../shared/numbers.js";

/** @typedef {import("./later.js").Axis} Axis */

export class Sliders {
  /** @type {Float32Array} */
  z = new Float32Array(0);
  hash = "";
  /** @type {{ axis: Axis, input: HTMLInputElement, output: HTMLOutputElement }[]} */
  rows = [];

  /** @param {HTMLElement} field @param {(pixels: Float32Array, z: Float32Array) => void} paint */
  constructor(field, paint) {
    this.field = field;
    this.paint = paint;
  }

  /** @param {string} hash of the checkpoint whose decoder is used @param {Axis[]} axes */
  fill(hash, axes) {
    this.hash = hash;
    this.rows = axes.map((axis) => {
      const about = { type: "range", min: axis.low, max: axis.high, step: "any", "aria-label": `Axis ${axis.name}` };
      const input = element("input", "", about);
      input.oninput = () => this.set(axis.i, Number(input.value));
      input.onkeydown = (event) => this.nudge(event, axis, input);
      return { axis, input, output: element("output") };
    });
    const nodes = this.rows.map(({ axis, input, output }) => {
      const effect = element("i", "effect", { style: `--share: ${axis.share}` });
      return element("label", "slider", {}, element("span", "", {}, axis.name, effect), input, output);
    });
    this.field.replaceChildren(...nodes);
  }

  /** Arrows move by a hundredth of the range, with shift by a tenth: a step of "any" leaves it to the browser. @param {KeyboardEvent} event @param {Axis} axis @param {HTMLInputElement} input */
  nudge(event, { i, low, high }, input) {
    const goal = keyed(event, { value: Number(input.value), low, high, step: (high - low) / 100 });
    if (goal === undefined) return;
    event.preventDefault();
    this.set(i, goal);
  }

  /** @param {number} axis @param {number} value */
  set(axis, value) {
    this.z = this.z.slice();
    this.z[axis] = value;
    this.show();
  }

  /** Begin at a code. @param {Float32Array} z */
  start(z) {
    this.z = z.slice();
    this.show();
  }

  show() {
    for (const { axis, input, output } of this.rows) {
      input.value = String(this.z[axis.i]);
      say(output, signed(this.z[axis.i]));
    }
    const z = this.z;
    decodeLatest(this.hash, z.slice(), (pixels) => this.paint(pixels, z));
  }
}
