// Two axes at once: drag the handle, the panel decodes. The background is a grid of pictures or the codes themselves.

import { element, mount, part, say, setVariables } from "../shared/dom.js";
import { arrow, followPointer } from "../shared/gestures.js";
import { announce, listen, live } from "../shared/live.js";
import { clamp, share, signed } from "../shared/numbers.js";
import { floatsOf, paintPicture, pictureOf, sized } from "../shared/pictures.js";
import { delayed } from "../shared/reports.js";

/** @typedef {{ i: number, name: string, low: number, high: number }} Axis */
/** @typedef {[x: number, y: number]} Point */
/**
 * @typedef {object} Data as `Pad` in explorer/components/live_decoder
 * @property {Axis} x
 * @property {Axis} y
 * @property {Point} value
 * @property {Point} start
 * @property {string | null} background
 * @property {number[][]} points
 * @property {string[]} colours
 * @property {string[]} names
 * @property {import("../shared/live.js").Shape} shape
 * @property {string} current
 * @property {number} sequence
 */

class Pad {
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {string | null} */
  source = null;
  /** @type {HTMLImageElement | null} */
  image = null;
  /** @type {Point} */
  value = [0, 0];

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".pad");
    this.field = part(this.root, ".field");
    this.canvas = part(this.field, "canvas");
    this.picture = part(part(this.root, "figure"), "canvas");
    this.deaf = listen({
      code: (z) => this.place([z[this.data.x.i], z[this.data.y.i]]),
      picture: ({ pixels, shape }) => paintPicture(this.picture, pixels, shape),
    });
    const commit = () => announce("commit", undefined);
    this.rest = delayed(commit);
    followPointer(this.field, {
      begin: () => this.field.focus({ preventScroll: true }),
      move: (across, up) => this.edit(across, up),
      end: commit,
    });
    this.field.onkeydown = (event) => this.nudge(event);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.field);
  }

  close() {
    this.deaf();
    this.resized.disconnect();
    this.rest.stop();
  }

  /** @param {Data} data */
  update(data) {
    this.data = data;
    say(part(this.root, ".x-name"), `${data.x.name} →`);
    say(part(this.root, ".y-name"), `${data.y.name} →`);
    this.field.setAttribute("aria-label", `Axes ${data.x.name} and ${data.y.name}: drag, or use the arrow keys`);
    if (data.background !== this.source) this.load(data.background);
    if (data.sequence >= live.sequence) {
      this.place(data.value);
      paintPicture(this.picture, floatsOf(data.current), data.shape);
    }
    this.mark(".start", data.start);
    const labels = data.names.map((name, i) => {
      return element("span", "", {}, element("i", "", { style: `background: ${data.colours[i]}` }), name);
    });
    part(this.root, ".labels").replaceChildren(...labels);
    this.draw();
  }

  /** @param {string | null} source */
  async load(source) {
    this.source = source;
    this.image = null;
    const image = source && (await pictureOf(source));
    if (image && this.source === source) this.image = image;
    this.draw();
  }

  // ---------------------------------------------------------------- moving

  /** @param {number} across @param {number} up shares of the field */
  edit(across, up) {
    const { x, y } = this.data;
    const at = (/** @type {Axis} */ { low, high }, /** @type {number} */ part) => low + clamp(part) * (high - low);
    announce("edit", { [x.i]: at(x, across), [y.i]: at(y, up) });
  }

  /** @param {KeyboardEvent} event */
  nudge(event) {
    const [right, up] = arrow(event.key);
    if (!right && !up) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.1 : 0.01;
    const [x, y] = this.shares(this.value);
    this.edit(x + right * step, y + up * step);
    this.rest.start();
  }

  // ---------------------------------------------------------------- showing

  /** @param {Point} value */
  place(value) {
    this.value = value;
    for (const selector of [".handle", ".cross-x", ".cross-y"]) this.mark(selector, value);
    const { x, y } = this.data;
    say(part(this.root, "small"), `z${x.i} = ${signed(value[0])}, z${y.i} = ${signed(value[1])}`);
  }

  /** Return where a point lies in the field. @param {Point} point */
  shares([vx, vy]) {
    const { x, y } = this.data;
    return [share(vx, x.low, x.high), share(vy, y.low, y.high)];
  }

  /** @param {string} selector @param {Point} point */
  mark(selector, point) {
    const node = part(this.field, selector);
    const [x, y] = this.shares(point);
    setVariables(node, { x, y });
    const beyond = [this.data.x, this.data.y].some(({ low, high }, i) => point[i] < low || point[i] > high);
    node.classList.toggle("beyond", beyond);
  }

  draw() {
    const { canvas, data } = this;
    if (!data) return;
    const side = Math.round(this.field.clientWidth * devicePixelRatio);
    const context = sized(canvas, side, side);
    context.clearRect(0, 0, side, side);
    context.imageSmoothingEnabled = false;
    if (this.image) context.drawImage(this.image, 0, 0, side, side);
    const radius = 2 * devicePixelRatio;
    context.globalAlpha = 0.65;
    for (const [label, points] of data.points.entries()) {
      context.fillStyle = data.colours[label];
      for (let i = 0; i < points.length; i += 2) {
        const px = ((points[i] - data.x.low) / (data.x.high - data.x.low)) * side;
        const py = (1 - (points[i + 1] - data.y.low) / (data.y.high - data.y.low)) * side;
        context.beginPath();
        context.arc(px, py, radius, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }
}

export default mount(Pad);
