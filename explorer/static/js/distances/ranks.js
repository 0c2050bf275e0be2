// Pairs of pictures: their distances, and how well two lists of distances agree.

import { clamp, share } from "../shared/numbers.js";

/** Return the pairs (i, j), i < j, of n things, in condensed order. @param {number} n @returns {[number, number][]} */
export function pairsOf(n) {
  /** @type {[number, number][]} */
  const pairs = [];
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) pairs.push([i, j]);
  return pairs;
}

/** Return the Euclidean distance of two rows of numbers. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function distance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** Return the distances of all pairs of rows, condensed. @param {ArrayLike<number>[]} rows */
export const distances = (rows) => pairsOf(rows.length).map(([i, j]) => distance(rows[i], rows[j]));

/** Return ranks from 1 on; equal values share the mean of theirs. @param {number[]} values */
export function ranks(values) {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const found = new Array(values.length);
  for (let from = 0, to; from < order.length; from = to) {
    to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let place = from; place < to; place++) found[order[place]] = (from + 1 + to) / 2;
  }
  return found;
}

/** Return Spearman's rank correlation, -1 to 1; 0 where one list is constant. @param {number[]} a @param {number[]} b */
export function spearman(a, b) {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
  }
  return xx && yy ? xy / Math.sqrt(xx * yy) : 0;
}

/** Return the mean. */
export const mean = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0) / values.length;

/** Return values in the unit in which their mean is that of a reference. @param {number[]} values @param {number[]} reference */
export function inUnitOf(values, reference) {
  const unit = mean(reference) / (mean(values) || 1);
  return values.map((value) => unit * value);
}

/** Return what places distances on both axes of a plot, as shares of its side: those in proportion lie on the diagonal. @param {number[]} reference distances that all fit in */
export function scaleOf(reference) {
  const [low, high] = [0.6 * Math.min(...reference), 1.25 * Math.max(...reference)];
  return (/** @type {number} */ value) => share(value, low, high);
}

/** Return points (x, y) moved and scaled to fill [margin, 1 - margin] both ways as far as one scale allows. @param {number[][]} points @param {number} margin @param {number} height of the field, its width being 1 */
export function fitted(points, margin, height) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, low, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((1 - 2 * margin) / (right - left || 1), (height - 2 * margin) / (top - low || 1));
  return points.map(([x, y]) => [0.5 + (x - (left + right) / 2) * scale, height / 2 + (y - (low + top) / 2) * scale]);
}

/** Return points pushed apart until hardly two are nearer than `least`, inside a field with an edge. @param {number[][]} points @param {number} least @param {number} edge @param {number} height of the field, its width being 1 */
export function spread(points, least, edge, height) {
  const found = points.map(([x, y]) => [x, y]);
  for (let round = 0; round < 60; round++) {
    for (const [i, j] of pairsOf(found.length)) {
      const [a, b] = [found[i], found[j]];
      const [dx, dy] = [b[0] - a[0] || 1e-6, b[1] - a[1]];
      const push = (least / Math.hypot(dx, dy) - 1) / 2;
      if (push <= 0) continue;
      for (const [point, sign] of /** @type {[number[], number][]} */ ([
        [a, -1],
        [b, 1],
      ])) {
        point[0] = clamp(point[0] + sign * push * dx, edge, 1 - edge);
        point[1] = clamp(point[1] + sign * push * dy, edge, height - edge);
      }
    }
  }
  return found;
}

/** Return rows of `width` numbers. @param {Float32Array} values @param {number} width @returns {Float32Array[]} */
export const rowsOf = (values, width) =>
  Array.from({ length: values.length / width }, (_, row) => values.subarray(row * width, (row + 1) * width));
