// Points of the plane in square cells: the nearest ones to a place are found without looking at all.

const PER_CELL = 4;

/** @typedef {{ index: number, distance: number }} Near */

export class Grid {
  /** @param {Float32Array} xy x, y, x, y ... */
  constructor(xy) {
    this.xy = xy;
    const count = xy.length / 2;
    this.bounds = boundsOf(xy);
    const [left, bottom, right, top] = this.bounds;
    const [width, height] = [right - left, top - bottom];
    this.side = Math.max(Math.sqrt((width * height * PER_CELL) / count), Math.max(width, height) / 2000) || 1;
    this.columns = Math.floor(width / this.side) + 1;
    this.rows = Math.floor(height / this.side) + 1;
    this.starts = new Uint32Array(this.columns * this.rows + 1);
    const cells = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      cells[i] = this.row(xy[2 * i + 1]) * this.columns + this.column(xy[2 * i]);
      this.starts[cells[i] + 1]++;
    }
    for (let cell = 0; cell < this.starts.length - 1; cell++) this.starts[cell + 1] += this.starts[cell];
    this.order = new Uint32Array(count);
    const next = this.starts.slice();
    for (let i = 0; i < count; i++) this.order[next[cells[i]]++] = i;
  }

  /** @param {number} x */
  column(x) {
    return Math.min(this.columns - 1, Math.max(0, Math.floor((x - this.bounds[0]) / this.side)));
  }

  /** @param {number} y */
  row(y) {
    return Math.min(this.rows - 1, Math.max(0, Math.floor((y - this.bounds[1]) / this.side)));
  }

  /**
   * Return the k points nearest to a place, nearest first.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} k
   * @param {(index: number) => boolean} counts whether a point is considered
   * @returns {Near[]}
   */
  nearest(x, y, k, counts = () => true) {
    const [column, row] = [this.column(x), this.row(y)];
    /** @type {Near[]} */
    const found = [];
    for (let ring = 0; ring < Math.max(this.columns, this.rows); ring++) {
      // A cell of this ring is at least `ring - 1` sides away, also from a place outside the map.
      if (found.length === k && found[k - 1].distance < (ring - 1) * this.side) break;
      for (let at = row - ring; at <= row + ring; at++) {
        if (at < 0 || at >= this.rows) continue;
        const step = Math.abs(at - row) === ring ? 1 : 2 * ring || 1;
        for (let across = column - ring; across <= column + ring; across += step)
          if (across >= 0 && across < this.columns) this.search(at * this.columns + across, x, y, k, counts, found);
      }
    }
    return found;
  }

  /** @param {number} cell @param {number} x @param {number} y @param {number} k @param {(index: number) => boolean} counts @param {Near[]} found */
  search(cell, x, y, k, counts, found) {
    for (let slot = this.starts[cell]; slot < this.starts[cell + 1]; slot++) {
      const index = this.order[slot];
      const distance = Math.hypot(this.xy[2 * index] - x, this.xy[2 * index + 1] - y);
      if ((found.length === k && distance >= found[k - 1].distance) || !counts(index)) continue;
      let place = Math.min(found.length, k - 1);
      while (place > 0 && found[place - 1].distance > distance) found[place] = found[--place];
      found[place] = { index, distance };
    }
  }
}

/** Return the box around points. @param {Float32Array} xy @returns {import("./view.js").Bounds} */
export function boundsOf(xy) {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < xy.length; i += 2) {
    left = Math.min(left, xy[i]);
    right = Math.max(right, xy[i]);
    bottom = Math.min(bottom, xy[i + 1]);
    top = Math.max(top, xy[i + 1]);
  }
  return [left, bottom, right, top];
}

/**
 * Return which of the first `count` points lie inside a polygon (even-odd rule), 1 or 0 each.
 *
 * @param {Float32Array} xy
 * @param {number} count
 * @param {[number, number][]} polygon
 */
export function inside(xy, count, polygon) {
  const flags = new Uint8Array(count);
  const [left, bottom, right, top] = boundsOf(Float32Array.from(polygon.flat()));
  for (let i = 0; i < count; i++) {
    const [x, y] = [xy[2 * i], xy[2 * i + 1]];
    if (x < left || x > right || y < bottom || y > top) continue;
    let odd = 0;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [[ax, ay], [bx, by]] = [polygon[a], polygon[b]];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd ^= 1;
    }
    flags[i] = odd;
  }
  return flags;
}

/**
 * Return the nearest point in a direction, at least `least` away and within 45 degrees of it; -1 where there is none.
 *
 * @param {Float32Array} xy
 * @param {number} count
 * @param {[number, number]} from
 * @param {number[]} direction right and up, one of them 0
 * @param {number} least
 */
export function towards(xy, count, [x, y], [right, up], least) {
  let [best, at] = [Infinity, -1];
  for (let i = 0; i < count; i++) {
    const [dx, dy] = [xy[2 * i] - x, xy[2 * i + 1] - y];
    const along = dx * right + dy * up;
    const beside = Math.abs(dx * up) + Math.abs(dy * right);
    if (along < least || beside > along) continue;
    const length = along + 2 * beside; // straight on rather than aside
    if (length < best) [best, at] = [length, i];
  }
  return at;
}
