// The two canvases of the map: its points, and the lines above them.

import { parseColour } from "../shared/colour.js";
import { element } from "../shared/dom.js";
import { sized } from "../shared/pictures.js";
import { drawLines } from "./lines.js";
import { paintMap, radiusOf } from "./paint.js";

const RATIO = 2; // pixels of a canvas at most for one of the page

export class Picture {
  points = element("canvas");
  lines = element("canvas", "lines");
  image = new ImageData(1, 1);

  /** @param {HTMLElement} field */
  constructor(field) {
    field.prepend(this.points, this.lines);
  }

  sharp = false;

  get ratio() {
    return this.sharp ? RATIO : Math.min(devicePixelRatio, RATIO);
  }

  /**
   * @param {import("./paint.js").Seen} seen
   * @param {import("./view.js").View} view
   * @param {string[]} palette
   * @param {string} background colour
   * @param {string} text colour, of which that of prior samples is made
   * @param {Uint8Array | null} chosen
   */
  paint(seen, view, palette, background, text, chosen) {
    const { ratio } = this;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    const context = sized(this.points, width, height);
    if (this.image.width !== width || this.image.height !== height) this.image = context.createImageData(width, height);
    const ground = parseColour(background);
    const prior = parseColour(text).map((value, i) => Math.round(0.6 * value + 0.4 * ground[i]));
    const rgb = Uint8Array.from([...palette.flatMap(parseColour), ...prior]);
    const radius = radiusOf(seen.count, view.scale / view.whole) * ratio;
    paintMap(this.image, seen, view, ratio, { rgb, ground, radius, alpha: 0.78 }, chosen);
    context.putImageData(this.image, 0, 0);
  }

  /** @param {import("./view.js").View} view @param {import("./lines.js").Drawing} drawing @param {{ text: string, accent: string }} colours */
  draw(view, drawing, colours) {
    drawLines(this.lines, view, this.ratio, drawing, colours);
  }
}
