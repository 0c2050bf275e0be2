// The points of a map as they came from the server: where they are, what they are, and their codes.

import { blobOf } from "./blobs.js";
import { floatsOfHalves, gap, mixed, trusted } from "./codes.js";
import { Grid } from "./grid.js";

const MIXED = 6; // points whose codes make that of an empty place: NEIGHBOURS in trainer/latent/neighbours.py

/** @typedef {{ code: Float32Array, near: import("./grid.js").Near[], trust: number }} Mixed */

export class Points {
  /** @type {Grid | null} */
  cells = null;
  /** @type {Float32Array | null} */
  floats = null;

  /**
   * @param {Uint8Array} bytes x and y of all points (codes, prior samples, centres), then of each code row, label and tile
   * @param {Pick<import("./scatter.js").Data, "count" | "samples" | "badges" | "codes" | "z_dim" | "usual">} data
   */
  constructor(bytes, { count, samples, badges, codes, z_dim, usual }) {
    this.count = count;
    this.samples = samples;
    this.total = count + samples + badges.length;
    this.size = z_dim;
    this.name = codes;
    this.usual = usual;
    const after = bytes.byteOffset + 8 * this.total;
    this.xy = new Float32Array(bytes.buffer, bytes.byteOffset, 2 * this.total);
    this.rows = new Uint32Array(bytes.buffer, after, count);
    this.labels = new Int16Array(bytes.buffer, after + 4 * count, count);
    this.tiles = new Int16Array(bytes.buffer, after + 6 * count, count);
  }

  get grid() {
    this.cells ??= new Grid(this.xy);
    return this.cells;
  }

  /** Codes of all points, or null before they have arrived. */
  get codes() {
    const bytes = this.floats ? undefined : blobOf(this.name);
    if (bytes) this.floats = floatsOfHalves(bytes);
    return this.floats;
  }

  /** @param {number} index @returns {[number, number]} */
  place(index) {
    return [this.xy[2 * index], this.xy[2 * index + 1]];
  }

  /** Return the code of a point. @param {number} index */
  code(index) {
    return this.codes?.slice(index * this.size, (index + 1) * this.size) ?? null;
  }

  /** Return the nearest point that can be seen within a reach, -1 if there is none. @param {number} x @param {number} y @param {number} reach @param {boolean} prior whether prior samples are seen */
  pick(x, y, reach, prior) {
    const last = this.count + (prior ? this.samples : 0);
    const [near] = this.grid.nearest(x, y, 1, (index) => index < last);
    return near && near.distance <= reach ? near.index : -1;
  }

  /** Return the code of a place, the points it is mixed from, and how far it is trusted. @param {number} x @param {number} y @returns {Mixed | null} */
  mix(x, y) {
    const { codes, grid, count, usual } = this;
    if (!codes) return null;
    const near = grid.nearest(x, y, MIXED);
    const [left, bottom, right, top] = grid.bounds;
    const code = mixed(near, codes, this.size, Math.max(right - left, top - bottom));
    const [data] = grid.nearest(x, y, 1, (index) => index < count);
    return {
      code,
      near,
      trust: Math.min(trusted(data.distance, usual.map), trusted(gap(code, codes, count), usual.code)),
    };
  }
}
