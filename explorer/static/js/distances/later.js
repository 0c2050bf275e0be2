// What the models are needed for; it arrives after the screen is there.

import { announce } from "../shared/live.js";

/** @typedef {{ i: number, name: string, low: number, high: number, share: number }} Axis */
/** @typedef {{ hash: string, rows: Axis[] }} Axes */
/** @typedef {{ hash: string, shape: import("../shared/live.js").Shape, model: string }} Decoded */
/** @typedef {Decoded & { code: string, rows: Axis[] }} Factors */
/** @typedef {Decoded & { xy: string, codes: string, colours: string[] }} Places */
/** @typedef {Decoded & { codes: string, count: number }} Samples */
/** @typedef {{ axes: Axes, miniatures: { axes?: Factors, map?: Places, samples?: Samples } }} Later as `bring` in explorer/components/distances */

/** @type {Later | null} */
let arrived = null;

/** Return it, or null before it has arrived. */
export const later = () => arrived;

/** @param {Later} data */
export function offerLater(data) {
  arrived = data;
  announce("later", undefined);
}
