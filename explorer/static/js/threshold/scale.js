// The axis of the scores: linear, or bent where outliers lie far out; and how many scores lie on either side of a value.

import { clamp, share } from "../shared/numbers.js";

/** @typedef {{ low: number, high: number, scale: number }} Ends of the axis; scale 0: linear, else asinh(v / scale) */

const [TICK_ROOM, BENT_TICK_ROOM] = [70, 46]; // pixels from one tick to the next

export class Scale {
  /** @param {Ends} ends */
  constructor({ low, high, scale }) {
    this.low = low;
    this.high = high;
    this.scale = scale;
    this.from = this.bend(low);
    this.to = this.bend(high);
  }

  /** @param {number} value */
  bend(value) {
    return this.scale ? Math.asinh(value / this.scale) : value;
  }

  /** Return where a value lies on the axis, 0 to 1. @param {number} value */
  place(value) {
    return share(this.bend(value), this.from, this.to);
  }

  /** Return the value at a place from 0 to 1. @param {number} place */
  value(place) {
    const bent = this.from + clamp(place) * (this.to - this.from);
    return this.scale ? this.scale * Math.sinh(bent) : bent;
  }

  /** Return the values to be marked on an axis of this width. @param {number} width pixels */
  ticks(width) {
    return this.scale ? this.bentTicks(width) : this.evenTicks(Math.max(2, Math.floor(width / TICK_ROOM)));
  }

  /** @param {number} count at most about so many */
  evenTicks(count) {
    const rough = (this.high - this.low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
    const first = Math.ceil(this.low / step);
    return Array.from({ length: Math.floor(this.high / step) - first + 1 }, (_, i) => (first + i) * step);
  }

  /** Zero, powers of ten and their triples, as far as there is room: the large ones first. @param {number} width */
  bentTicks(width) {
    const powers = Array.from({ length: 15 }, (_, i) => 10 ** (8 - i));
    const wanted = [
      0,
      ...powers.flatMap((power) => [power, -power]),
      ...powers.flatMap((power) => [3 * power, -3 * power]),
    ];
    /** @type {number[]} */
    const kept = [];
    for (const value of wanted.filter((value) => value >= this.low && value <= this.high)) {
      const clear = (/** @type {number} */ other) =>
        Math.abs(this.place(other) - this.place(value)) * width > BENT_TICK_ROOM;
      if (kept.every(clear)) kept.push(value);
    }
    return kept;
  }
}

/** Return how many of the ascending values are below `limit` (or at it, where `equal`). @param {ArrayLike<number>} values @param {number} limit */
export function below(values, limit, equal = false) {
  let [from, to] = [0, values.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (values[middle] < limit || (equal && values[middle] === limit)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Return the share of the ascending scores in each of `bins` parts of the axis; the last ones count what lies beyond. @param {ArrayLike<number>} scores @param {Scale} scale @param {number} bins */
export function histogram(scores, scale, bins) {
  const edges = Array.from({ length: bins - 1 }, (_, i) => below(scores, scale.value((i + 1) / bins)));
  const counts = [0, ...edges].map((from, i) => (edges[i] ?? scores.length) - from);
  return counts.map((count) => count / Math.max(1, scores.length));
}
