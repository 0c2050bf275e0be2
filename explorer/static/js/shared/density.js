// Densities of codes along an axis.

import { svg } from "./dom.js";
import { clamp } from "./numbers.js";
import { bytesOf } from "./pictures.js";

/** Return the values that the server packed as bytes of `levels` steps. @param {string} base64 @param {number} levels */
export const unpacked = (base64, levels) => Array.from(bytesOf(base64), (level) => level / levels);

/** Return the density at a value as a share of the peak; 0 beyond the grid. @param {number[]} density @param {number} low @param {number} high @param {number} value */
export function densityAt(density, low, high, value) {
  const last = density.length - 1;
  const place = ((value - low) / (high - low)) * last;
  if (!(place >= 0 && place <= last)) return 0;
  const left = Math.min(Math.floor(place), last - 1);
  return density[left] + (place - left) * (density[left + 1] - density[left]);
}

/** Return the points of a curve in a field of 100 x 100, `top` being its upper edge. @param {number[]} values @param {number} top */
export function curve(values, top) {
  const across = 100 / (values.length - 1);
  return values.map((v, i) => `${(i * across).toFixed(1)},${(98 - (94 * Math.min(v, top)) / top).toFixed(1)}`);
}

/** Return a drawing: the density of the codes as an area, the prior's marginal as a line above it. @param {number[]} codes @param {number[]} prior */
export function densityDrawing(codes, prior) {
  const top = clamp(Math.max(...prior), 1, 1.6);
  const drawing = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(
    svg("polygon", { points: ["0,98", ...curve(codes, top), "100,98"].join(" "), class: "codes" }),
    svg("polyline", { points: curve(prior, top).join(" "), class: "prior" }),
  );
  return drawing;
}
