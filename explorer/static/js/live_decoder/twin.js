// A second model beside the panel: its axis of the same rank moves along, by the same share of its range.

import { decodeLatest } from "../shared/decoder.js";
import { part, say } from "../shared/dom.js";
import { errorText, floatsOf, paintPicture } from "../shared/pictures.js";
import { differs } from "./slider.js";

/**
 * @typedef {object} Other as `Twin` in explorer/components/live_decoder
 * @property {string} name
 * @property {string} model
 * @property {import("../shared/live.js").Shape} shape
 * @property {{ i: number, low: number, high: number }[]} axes
 * @property {number[]} start
 * @property {string} reconstruction
 * @property {string} current
 * @property {string} note
 */
/** @typedef {{ i: number, low: number, high: number }} Axis */

/** Return [axis, axis of the other model] of equal rank for the axes that have moved. @param {Axis[]} axes @param {Axis[]} others @param {Float32Array} z @param {Float32Array} start @returns {[Axis, Axis][]} */
export function movedPairs(axes, others, z, start) {
  const pairs = axes.slice(0, others.length).map((axis, rank) => /** @type {[Axis, Axis]} */ ([axis, others[rank]]));
  return pairs.filter(([{ i }]) => differs(z[i], start[i]));
}

/** Return the other model's code: from its own start, by the same shares of the axes' ranges. @param {[Axis, Axis][]} pairs @param {Float32Array} z @param {Float32Array} start @param {number[]} begun */
export function follow(pairs, z, start, begun) {
  const code = Float32Array.from(begun);
  for (const [axis, other] of pairs) {
    const share = (z[axis.i] - start[axis.i]) / (axis.high - axis.low);
    code[other.i] += share * (other.high - other.low);
  }
  return code;
}

export class Twin {
  /** @type {Other | null} */
  data = null;
  /** @type {[Axis, Axis][]} */
  pairs = [];
  /** @type {Float32Array} */
  reference = new Float32Array();

  /** @param {HTMLElement} root */
  constructor(root) {
    this.nodes = [".twin-head", ".twin-reconstruction", ".twin-current"].map((selector) => part(root, selector));
  }

  /** @param {Other | null} data @param {Float32Array} reference the original, or the first model's start @param {Axis[]} axes @param {Float32Array} z @param {Float32Array} start */
  update(data, reference, axes, z, start) {
    this.data = data;
    this.pairs = data ? movedPairs(axes, data.axes, z, start) : [];
    this.reference = reference;
    const [head, reconstruction] = this.nodes;
    for (const node of this.nodes) node.hidden = !data;
    if (!data) return;
    say(part(head, "b"), data.name);
    say(part(head, "span"), data.note);
    this.draw(reconstruction, "Reconstruction", floatsOf(data.reconstruction), "");
    this.show(floatsOf(data.current));
  }

  /** Decode the same move in the other model. @param {Axis[]} axes by falling effect @param {Float32Array} z @param {Float32Array} start */
  move(axes, z, start) {
    const { data } = this;
    if (!data) return;
    this.pairs = movedPairs(axes, data.axes, z, start);
    decodeLatest(
      data.model,
      follow(this.pairs, z, start, data.start),
      (pixels) => this.data === data && this.show(pixels),
    );
  }

  /** @param {Float32Array} pixels */
  show(pixels) {
    const moved = this.pairs.map(([axis, other]) => `z${axis.i} moves z${other.i}`).slice(0, 3);
    this.draw(this.nodes[2], "Current", pixels, moved.join(", ") || "unchanged");
  }

  /** @param {HTMLElement} figure @param {string} title @param {Float32Array} pixels @param {string} text */
  draw(figure, title, pixels, text) {
    if (!this.data) return;
    const { name, shape } = this.data;
    const small = text || errorText(pixels, this.reference);
    paintPicture(part(figure, "canvas"), pixels, shape);
    say(part(figure, "figcaption"), title);
    say(part(figure, "small"), small);
    part(figure, "canvas").setAttribute("aria-label", `${title} of ${name}: ${small}`);
  }
}
