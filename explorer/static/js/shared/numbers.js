// Numbers as they are compared, rounded and written.

/** Return the value, or the nearer end where it lies outside. @param {number} value */
export const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));

/** Return where a value lies between two ends, 0 to 1. @type {(value: number, low: number, high: number) => number} */
export const share = (value, low, high) => clamp((value - low) / (high - low));

/** Return the place of the value nearest to one, the first of several; -1 where there are none. @param {number[]} values @param {number} value */
export function nearestPlace(values, value) {
  const apart = values.map((each) => Math.abs(each - value));
  return apart.indexOf(Math.min(...apart));
}

/** Round to three digits after the point. @type {(value: number) => number} */
export const round3 = (value) => Math.round(value * 1000) / 1000;

/** Return "0.91" or "−0.91", and "0.00" for either zero. @type {(value: number) => string} */
export const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));

/** Return a share as "4.2 %", small ones as "0.42 %". @type {(share: number) => string} */
export const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;

/** Return "1 axis", "2 axes". @type {(count: number) => string} */
export const axesText = (count) => `${count} ${count === 1 ? "axis" : "axes"}`;
