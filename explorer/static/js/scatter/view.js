// Where the map lies in its field: pixels have their origin at the upper left, the map's y points up.

/** @typedef {[left: number, bottom: number, right: number, top: number]} Bounds */

const DEEPEST = 400; // times the whole map

export class View {
  x = 0; // of the map, in the middle of the field
  y = 0;
  scale = 1; // pixels for a unit of the map
  width = 1;
  height = 1;
  whole = 1; // `scale` at which the whole map is seen

  /** Give the field its size and keep what is in its middle. @param {number} width @param {number} height */
  resize(width, height) {
    const share = Math.min(width / this.width, height / this.height);
    [this.width, this.height] = [width, height];
    this.scale *= share;
    this.whole *= share;
  }

  /** Show all of the map, with a margin. @param {Bounds} bounds @param {number} margin pixels */
  fit([left, bottom, right, top], margin = 28) {
    const [across, up] = [Math.max(right - left, 1e-9), Math.max(top - bottom, 1e-9)];
    [this.x, this.y] = [(left + right) / 2, (bottom + top) / 2];
    this.scale = this.whole = Math.min((this.width - 2 * margin) / across, (this.height - 2 * margin) / up);
  }

  /** Return the pixel of a place. @param {number} x @param {number} y @returns {[number, number]} */
  pixel(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  /** Return the place of a pixel. @param {number} px @param {number} py @returns {[number, number]} */
  place(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  /** @param {number} dx @param {number} dy pixels the map moves by */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
  }

  /** Zoom by a factor and keep the place below a pixel where it is. @param {number} factor @param {number} px @param {number} py */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.place(px, py);
    this.scale = Math.min(DEEPEST * this.whole, Math.max(0.5 * this.whole, this.scale * factor));
    const [nowX, nowY] = this.place(px, py);
    this.x += x - nowX;
    this.y += y - nowY;
  }
}
