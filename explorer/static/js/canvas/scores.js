// The scores of a picture as the server computes them (trainer/models, trainer/ood/calibration.py).

/**
 * @typedef {object} Mixture -log sum_k exp(log_k - |W_k (v - mean_k)|^2 / 2), rows of W_k lower triangular
 * @property {number[]} log
 * @property {number[][]} means
 * @property {number[][]} roots
 */
/** @typedef {{ draws: number[][], width: number }} Kernels sum over axes of -log of the mean of normal kernels */
/** @typedef {{ name: string, quantiles: number[], good: string, bad: string }} Part */
/**
 * @typedef {object} Scoring as trainer.ood.browser.scoring
 * @property {Part[]} parts of the combined score
 * @property {number[]} combined its quantiles
 * @property {number[]} levels
 * @property {Mixture | Kernels | null} density
 * @property {boolean} over_features whether the density is that of [code, relative error, cosine]
 * @property {number} smallest norm of a picture
 * @property {number} usual percentile below which a part is fine
 */

/** Return the number at `x` on the line through (xs, ys), xs ascending; beyond the ends `left` and `right`. @param {number} x @param {number[]} xs @param {number[]} ys */
export function interpolate(x, xs, ys, left = ys[0], right = /** @type {number} */ (ys.at(-1))) {
  const last = xs.length - 1;
  if (x < xs[0]) return left;
  if (x > xs[last]) return right;
  let [low, high] = [0, last + 1]; // xs[low] <= x < xs[high]
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return low === last ? ys[last] : ys[low] + ((x - xs[low]) / (xs[low + 1] - xs[low])) * (ys[low + 1] - ys[low]);
}

/** Return the share of held-out pictures that score lower, in percent. @param {number} score @param {number[]} quantiles @param {number[]} levels */
export const percentile = (score, quantiles, levels) => 100 * interpolate(score, quantiles, levels, 0, 1);

/** Return -log p of a score, p the share of held-out pictures at or above it, with an exponential tail. @param {number} score @param {number[]} quantiles @param {number[]} levels */
export function surprise(score, quantiles, levels) {
  const [q90, q99] = [0.9, 0.99].map((level) => interpolate(level, levels, quantiles));
  if (score <= q99) return -Math.log1p(-Math.min(interpolate(score, quantiles, levels, 0, 1), 0.99));
  const spread = Math.max(q99 - q90, 1e-9 * Math.max(1, Math.abs(q99)));
  return Math.log(100) + (Math.log(10) * (score - q99)) / spread;
}

/** @param {number[]} values */
function logSumExp(values) {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Return -log of the density at a vector. @param {ArrayLike<number>} vector @param {Mixture | Kernels} density */
export function minusLog(vector, density) {
  if ("draws" in density) {
    const { draws, width } = density;
    const norm = Math.log(width * Math.sqrt(2 * Math.PI)) + Math.log(draws.length);
    let sum = 0;
    for (let j = 0; j < vector.length; j++) {
      sum += norm - logSumExp(draws.map((draw) => -0.5 * ((vector[j] - draw[j]) / width) ** 2));
    }
    return sum;
  }
  const terms = density.log.map((log, k) => {
    const [mean, root] = [density.means[k], density.roots[k]];
    let [squares, place] = [0, 0];
    for (let i = 0; i < mean.length; i++) {
      let value = 0;
      for (let j = 0; j <= i; j++) value += root[place++] * (vector[j] - mean[j]);
      squares += value * value;
    }
    return log - 0.5 * squares;
  });
  return -logSumExp(terms);
}

/**
 * Return the combined score of a picture, its percentile, and those of its parts.
 *
 * @param {Float32Array} picture @param {Float32Array} code @param {Float32Array} made @param {Scoring} scoring
 */
export function judge(picture, code, made, scoring) {
  let [squares, own, other, both] = [0, 0, 0, 0];
  for (let i = 0; i < picture.length; i++) {
    squares += (picture[i] - made[i]) ** 2;
    own += picture[i] ** 2;
    other += made[i] ** 2;
    both += picture[i] * made[i];
  }
  const norm = Math.max(Math.sqrt(own), scoring.smallest);
  const relative = Math.sqrt(squares) / norm;
  const cosine = both / (norm * Math.max(Math.sqrt(other), scoring.smallest));
  const vector = scoring.over_features ? [...code, relative, cosine] : code;
  const parts = scoring.parts.map((part) => {
    const value = part.name === "relative error" || !scoring.density ? relative : minusLog(vector, scoring.density);
    return { ...part, value, percentile: percentile(value, part.quantiles, scoring.levels) };
  });
  const value = parts.reduce((sum, part) => sum + surprise(part.value, part.quantiles, scoring.levels), 0);
  return { value, percentile: percentile(value, scoring.combined, scoring.levels), parts };
}

/** Return what the parts say, as trainer/ood/why.py. @param {{ percentile: number, good: string, bad: string }[]} parts @param {Scoring} scoring */
export function why(parts, { usual }) {
  const clauses = parts.map((part) =>
    part.percentile < usual ? part.good : part.bad.replace("{share}", shareText(part.percentile)),
  );
  const mixed = new Set(parts.map((part) => part.percentile < usual)).size > 1;
  const text = clauses.join(mixed ? ", but " : " and ");
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

/** @param {number} percentile */
function shareText(percentile) {
  if (percentile > 99.97) return "all held-out";
  return percentile > 99 ? `${percentile.toFixed(1)} % of` : `${percentile.toFixed(0)} % of`;
}

/** Return the rows of the nearest codes and their distances, nearest first. @param {ArrayLike<number>} code @param {Float32Array} codes @param {number} count */
export function nearest(code, codes, count) {
  const d = code.length;
  /** @type {{ row: number, distance: number }[]} */
  const best = [];
  for (let row = 0; row * d < codes.length; row++) {
    let distance = 0;
    for (let j = 0; j < d; j++) distance += (codes[row * d + j] - code[j]) ** 2;
    if (best.length === count && distance >= best[count - 1].distance) continue;
    if (best.length === count) best.pop();
    best.splice(best.findIndex((other) => other.distance > distance) >>> 0, 0, { row, distance });
  }
  return best.map(({ row, distance }) => ({ row, distance: Math.sqrt(distance) }));
}
