// The code at a place of the map, and how near it is to real ones. The formulas are those of trainer/latent
// (neighbours.place and reliability.share), which the panel beside the map uses.

import { clamp } from "../shared/numbers.js";

const FADE = 3; // times the usual distance, from where on nothing is trusted
const COMPARED = 100_000; // codes at most that a distance is measured to, one in so many beyond

/** Return the 32-bit floats of 16-bit ones. @param {Uint8Array} bytes */
export function floatsOfHalves(bytes) {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const values = new Float32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    const size =
      exponent === 31
        ? fraction
          ? NaN
          : Infinity
        : exponent
          ? 2 ** (exponent - 15) * (1 + fraction / 1024)
          : fraction * 2 ** -24;
    values[half] = half & 32768 ? -size : size;
  }
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = values[halves[i]];
  return floats;
}

/**
 * Return the mean of the codes of near points, each weighted by 1 / distance²; of a point itself its own code.
 *
 * @param {import("./grid.js").Near[]} near
 * @param {Float32Array} codes of all points, one after another
 * @param {number} size numbers of a code
 * @param {number} extent longer side of the map
 */
export function mixed(near, codes, size, extent) {
  const code = new Float32Array(size);
  const weights = near.map(({ distance }) => 1 / Math.max(distance, 1e-9 * Math.max(extent, 1e-9)) ** 2);
  const sum = weights.reduce((a, b) => a + b, 0);
  for (const [place, { index }] of near.entries())
    for (let axis = 0; axis < size; axis++) code[axis] += (weights[place] / sum) * codes[index * size + axis];
  return code;
}

/** Return the distance to the nearest of the first `count` codes. @param {Float32Array} code @param {Float32Array} codes @param {number} count */
export function gap(code, codes, count) {
  const size = code.length;
  const step = Math.ceil(count / COMPARED);
  let best = Infinity;
  for (let row = 0; row < count; row += step) {
    let sum = 0;
    for (let axis = 0, at = row * size; axis < size && sum < best; axis++, at++) sum += (codes[at] - code[axis]) ** 2;
    if (sum < best) best = sum;
  }
  return Math.sqrt(best);
}

/** Return how far a distance is trusted: 1 up to the usual one, 0 from FADE times it on. @param {number} distance @param {number} usual */
export const trusted = (distance, usual) =>
  usual > 0 ? clamp((FADE * usual - distance) / ((FADE - 1) * usual)) : Number(distance <= 0);

/** Return bits, eight to a byte and the lowest first, as base64. @param {Uint8Array} flags */
export function packed(flags) {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (let i = 0; i < flags.length; i++) bytes[i >> 3] |= flags[i] << (i & 7);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Return the bits of `packed` bytes, 1 or 0 each. @param {Uint8Array} bytes @param {number} count */
export function unpacked(bytes, count) {
  return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
}
