// Pictures: from the server's text to floats (C, H, W) in [0, 1], to a canvas, and compared.

import { diverging } from "./colour.js";

/** @typedef {import("./live.js").Shape} Shape */

/** Return the bytes of base64. @param {string} base64 */
export function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Return floats in [0, 1] of base64 of 8-bit pixels, in the same order. @param {string} base64 */
export const floatsOf = (base64) => new Float32Array(bytesOf(base64)).map((value) => value / 255);

/** Return the float32 numbers of base64. @param {string} base64 */
export const numbersOf = (base64) => new Float32Array(bytesOf(base64).buffer);

/** Return the picture of a PNG in base64, decoded. @param {string} base64 */
export async function pictureOf(base64) {
  const image = new Image();
  image.src = `data:image/png;base64,${base64}`;
  await image.decode();
  return image;
}

/** Paint floats (C, H, W) at one canvas pixel per pixel; CSS enlarges it, crisply. @param {HTMLCanvasElement} canvas @param {Float32Array} pixels @param {Shape} shape */
export function paintPicture(canvas, pixels, [channels, height, width]) {
  const area = width * height;
  const [green, blue] = channels === 3 ? [area, 2 * area] : [0, 0];
  paint(canvas, width, height, (data, i) => {
    data[4 * i] = 255 * pixels[i]; // a Uint8ClampedArray rounds
    data[4 * i + 1] = 255 * pixels[green + i];
    data[4 * i + 2] = 255 * pixels[blue + i];
  });
}

/** Paint picture - reference, diverging around zero; channels are averaged. @param {HTMLCanvasElement} canvas @param {Float32Array} pixels @param {Float32Array} reference @param {Shape} shape @param {boolean} dark */
export function paintDifference(canvas, pixels, reference, [channels, height, width], dark) {
  const area = width * height;
  paint(canvas, width, height, (data, i) => {
    let difference = 0;
    for (let c = 0; c < channels; c++) difference += pixels[c * area + i] - reference[c * area + i];
    data.set(diverging(difference / channels, dark), 4 * i);
  });
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {(data: Uint8ClampedArray, i: number) => void} colour sets pixel i */
function paint(canvas, width, height, colour) {
  const context = sized(canvas, width, height);
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    colour(image.data, i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Return the canvas' context at this size. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function sized(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** @typedef {{ image: CanvasImageSource, columns: number, width: number, height: number }} Sheet pictures of one size, side by side */

/** Draw one picture of a sheet with its corner at a place, in its own size or in another. @param {CanvasRenderingContext2D} context @param {Sheet} sheet @param {number} tile its number @param {[number, number]} [at] @param {[number, number]} [size] */
export function drawTile(context, { image, columns, width, height }, tile, at = [0, 0], size = [width, height]) {
  const [left, top] = [(tile % columns) * width, Math.floor(tile / columns) * height];
  context.drawImage(image, left, top, width, height, ...at, ...size);
}

/** @param {Float32Array} pixels @param {Float32Array} reference */
export function rootMeanSquare(pixels, reference) {
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum += (pixels[i] - reference[i]) ** 2;
  return Math.sqrt(sum / pixels.length);
}

/** Return "RMSE 0.081 · 21.8 dB" of two pictures. @param {Float32Array} pixels @param {Float32Array} reference */
export function errorText(pixels, reference) {
  const rmse = rootMeanSquare(pixels, reference);
  const decibel = rmse > 1e-6 ? `${(-20 * Math.log10(rmse)).toFixed(1)} dB` : "identical";
  return `RMSE ${rmse.toFixed(3)} · ${decibel}`;
}
