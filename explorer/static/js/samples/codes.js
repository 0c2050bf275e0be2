// Codes: from the server's text to vectors, scaled by the temperature, and on the way between two.

import { numbersOf } from "../shared/pictures.js";

/** @typedef {{ codes: (row: number) => Float32Array, centres?: (row: number) => Float32Array }} Codes */

/** Return the rows of a model's codes. @param {{ codes: string, centres: string | null, z_dim: number }} model @returns {Codes} */
export function codesOf({ codes, centres, z_dim }) {
  const rows = (/** @type {string} */ text) => {
    const values = numbersOf(text);
    return (/** @type {number} */ row) => values.subarray(row * z_dim, (row + 1) * z_dim);
  };
  return { codes: rows(codes), centres: centres === null ? undefined : rows(centres) };
}

/** Return centre + temperature (code - centre), the centre being the origin unless given. @param {Float32Array} code @param {Float32Array | undefined} centre @param {number} temperature */
export const scaled = (code, centre, temperature) =>
  code.map((value, i) => (centre?.[i] ?? 0) + temperature * (value - (centre?.[i] ?? 0)));

/** Return the code at a share of the way. @param {Float32Array} from @param {Float32Array} to @param {number} share */
export const between = (from, to, share) => from.map((value, i) => value + share * (to[i] - value));
