// Lines above the points: outlines of the components, the lasso or the path being drawn, and where a picture comes from.

import { sized } from "../shared/pictures.js";

/** @typedef {{ sigma: number, paths: [number, number][][] }} Outline */
/** @typedef {[number, number][]} Line places of the map */
/**
 * @typedef {object} Drawing
 * @property {Outline[]} outlines
 * @property {Line} drawn the lasso or the path
 * @property {boolean} closed whether `drawn` is a lasso
 * @property {[number, number] | null} from place of the lens: ringed, and joined to its sources
 * @property {[number, number][]} sources
 */

/** @param {HTMLCanvasElement} canvas @param {import("./view.js").View} view @param {number} ratio @param {Drawing} drawing @param {{ text: string, accent: string }} colours */
export function drawLines(canvas, view, ratio, { outlines, drawn, closed, from, sources }, { text, accent }) {
  const context = sized(canvas, Math.round(view.width * ratio), Math.round(view.height * ratio));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.scale(ratio, ratio);
  const trace = (/** @type {Line} */ line) => {
    for (const [i, [x, y]] of line.entries()) context[i ? "lineTo" : "moveTo"](...view.pixel(x, y));
  };
  const stroke = (
    /** @type {Line[]} */ lines,
    /** @type {string} */ colour,
    /** @type {number} */ width,
    /** @type {number[]} */ dash,
  ) => {
    context.beginPath();
    for (const line of lines) trace(line);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke();
  };
  context.globalAlpha = 0.7;
  for (const { sigma, paths } of outlines) stroke(paths, text, sigma === 1 ? 1.6 : 1, sigma === 1 ? [] : [2, 3]);
  context.globalAlpha = 1;
  if (from)
    stroke(
      sources.map((source) => [from, source]),
      accent,
      1,
      [],
    );
  if (drawn.length < 2) return;
  stroke([closed ? [...drawn, drawn[0]] : drawn], accent, 1.5, []);
  if (!closed) return;
  context.globalAlpha = 0.1;
  context.fillStyle = accent;
  context.beginPath();
  trace(drawn);
  context.fill();
}
