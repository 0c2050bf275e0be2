// Draw one yourself: its reconstruction, and whether the model accepts it, follow the pen.

import { isDark } from "../shared/colour.js";
import { decodeNow, decoderOf, encodeNow, encoderName, sessionOf } from "../shared/decoder.js";
import { element, mount, part, say, setVariables } from "../shared/dom.js";
import { arrow, followPointer } from "../shared/gestures.js";
import { listen } from "../shared/live.js";
import { clamp, percent } from "../shared/numbers.js";
import { bytesOf, drawTile, numbersOf, paintDifference, paintPicture, pictureOf, sized } from "../shared/pictures.js";
import { judge, nearest, why } from "./scores.js";
import { drawStrokes, inputOf } from "./strokes.js";

/** @typedef {import("./strokes.js").Point} Point */
/**
 * @typedef {object} Data as `Drawing` in explorer/components/canvas
 * @property {string} model
 * @property {import("../shared/live.js").Shape} shape
 * @property {import("./strokes.js").Like} like
 * @property {import("./scores.js").Scoring} scoring
 * @property {number} threshold
 * @property {number} fpr
 * @property {string} data
 * @property {{ places: string, codes: string, labels: string, colours: string[] } | null} map
 * @property {{ codes: string, sprite: string, columns: number, names: string[] } | null} trained
 */

const STEP = 0.03; // of the pen with each arrow key, share of the canvas
const NEAREST = 3;

class Drawing {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Point[][]} */
  strokes = [];
  /** @type {Point[]} the stroke that the pointer draws, or drew last */
  line = [];
  /** @type {Point} */
  pen = [0.5, 0.5];
  down = false;
  keys = false;
  version = 0; // of the drawing
  busy = false;
  /** @type {Float32Array | null} */
  code = null;
  /** @type {{ places: Float32Array, codes: Float32Array, labels: Uint8Array } | null} */
  points = null;
  /** @type {{ codes: Float32Array, image: HTMLImageElement } | null} */
  trained = null;
  raster = new OffscreenCanvas(1, 1);
  /** @type {OffscreenCanvas | null} the points of the map */
  chart = null;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".drawing");
    this.paper = /** @type {HTMLCanvasElement} */ (part(this.root, ".paper"));
    this.map = /** @type {HTMLCanvasElement} */ (part(part(this.root, ".map"), "canvas"));
    this.deaf = listen({ decoder: (name) => this.data && name.endsWith(this.data.model) && this.follow() });
    followPointer(this.paper, {
      begin: () => {
        this.keys = false;
        this.paper.focus({ preventScroll: true });
        this.begin();
      },
      move: (across, up) => this.add([across, 1 - up]),
      end: () => {},
    });
    this.paper.onkeydown = (event) => this.pressed(event);
    part(this.root, ".undo").onclick = () => this.undo();
    part(this.root, ".clear").onclick = () => this.clear();
    part(this.root, ".traverse").onclick = () => this.code && this.tell("opened", [...this.code]);
    this.resized = new ResizeObserver(() => this.show());
    this.resized.observe(this.paper);
  }

  close() {
    this.deaf();
    this.resized.disconnect();
  }

  /** @param {Data} data */
  update(data) {
    const before = this.data;
    this.data = data;
    this.paper.setAttribute(
      "aria-label",
      `Draw a picture such as those of ${data.data}: with the pointer or the arrow keys`,
    );
    if (before?.model !== data.model) this.unpack();
    this.show();
    this.follow();
  }

  async unpack() {
    const { map, trained, model } = this.data;
    this.points = map && { places: numbersOf(map.places), codes: numbersOf(map.codes), labels: bytesOf(map.labels) };
    this.trained = this.chart = null;
    say(
      part(this.root, ".map figcaption"),
      map ? "The ring: where the drawing lies on the map of test codes, coloured by label." : "",
    );
    part(this.root, ".map").hidden = !map;
    part(this.root, ".near").hidden = !trained;
    if (!trained) return;
    const image = await pictureOf(trained.sprite);
    if (this.data.model === model) this.trained = { codes: numbersOf(trained.codes), image };
    this.follow();
  }

  // ---------------------------------------------------------------- drawing

  /** Begin a stroke. */
  begin() {
    this.line = [];
    this.strokes.push(this.line);
  }

  /** @param {Point} point */
  add(point) {
    if (!this.strokes.includes(this.line)) this.begin(); // a key has taken it away under the pointer
    this.line.push(point);
    this.pen = point;
    this.changed();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const [right, up] = arrow(event.key);
    const known = right || up || [" ", "Backspace", "Delete"].includes(event.key);
    if (!known) return;
    event.preventDefault();
    this.keys = true;
    if (event.key === "Backspace") return this.undo();
    if (event.key === "Delete") return this.clear();
    if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.strokes.push([this.pen]);
    } else {
      const step = event.shiftKey ? 3 * STEP : STEP;
      this.pen = [clamp(this.pen[0] + right * step), clamp(this.pen[1] - up * step)];
      if (this.down) this.strokes.at(-1)?.push(this.pen);
    }
    this.changed();
  }

  undo() {
    this.strokes.pop();
    this.down = false;
    this.changed();
  }

  clear() {
    this.strokes = [];
    this.down = false;
    this.changed();
  }

  changed() {
    this.version += 1;
    this.root.dataset.drawn = String(this.version);
    this.show();
    this.follow();
  }

  /** Show the lines as they were drawn. */
  show() {
    const { like } = this.data ?? {};
    const side = Math.round(this.paper.clientWidth * devicePixelRatio);
    if (!like || !side) return;
    const context = sized(this.paper, side, side);
    [context.fillStyle, context.strokeStyle] = like.light ? ["#fff", "#111"] : ["#000", "#fff"];
    context.fillRect(0, 0, side, side);
    drawStrokes(
      context,
      this.strokes.filter((stroke) => stroke.length),
      side * 0.07,
      ([x, y]) => [x * side, y * side],
    );
    if (!this.keys) return;
    context.fillStyle = this.down ? "#e5484d" : "#3b82f6";
    context.beginPath();
    context.arc(this.pen[0] * side, this.pen[1] * side, side * 0.02, 0, 7);
    context.fill();
  }

  // ---------------------------------------------------------------- judging

  /** Judge the drawing as it is now; while one is judged the latest alone waits. */
  async follow() {
    const { data } = this;
    const failed = [data.model, encoderName(data.model)].find((name) => decoderOf(name)?.failed);
    const strokes = this.strokes.filter((stroke) => stroke.length);
    for (const name of [".undo", ".clear", ".traverse"]) {
      /** @type {HTMLButtonElement} */ (part(this.root, name)).disabled = !strokes.length;
    }
    if (failed) return say(part(this.root, ".verdict"), "This browser cannot run the model.");
    if (!decoderOf(data.model) || !decoderOf(encoderName(data.model))) return;
    if (!strokes.length) return this.blank();
    if (this.busy) return;
    this.busy = true;
    try {
      for (let version = -1; version !== this.version; ) {
        version = this.version;
        await this.judgeNow();
        this.root.dataset.version = String(version);
      }
    } catch (error) {
      say(part(this.root, ".verdict"), `This browser cannot run the model: ${error}`);
    } finally {
      this.busy = false;
    }
  }

  /** Load the networks before they are needed. */
  blank() {
    this.code = null;
    say(part(this.root, ".verdict"), "Draw something.");
    say(part(this.root, ".why"), `The model's view of it follows the pen; it learned ${this.data.data}.`);
    part(this.root, ".scores").replaceChildren();
    part(this.root, ".tiles").replaceChildren();
    for (const name of [".input", ".made", ".error"]) {
      sized(/** @type {HTMLCanvasElement} */ (part(this.root, name)), 32, 32).clearRect(0, 0, 32, 32);
    }
    this.plot(null);
    const loaded = [sessionOf(this.data.model), sessionOf(encoderName(this.data.model))];
    Promise.all(loaded).then(
      () => {
        this.root.dataset.ready = this.data.model;
      },
      () => {},
    );
  }

  async judgeNow() {
    const { data } = this;
    const strokes = this.strokes.filter((stroke) => stroke.length);
    if (!strokes.length) return this.blank();
    const input = inputOf(strokes, data.like, data.shape[1], this.raster);
    const code = await encodeNow(data.model, input, data.shape);
    await decodeNow(data.model, code, (made) => this.report(input, code, made));
  }

  /** @param {Float32Array} input @param {Float32Array} code @param {Float32Array} made */
  report(input, code, made) {
    const { data, root } = this;
    const canvas = (/** @type {string} */ name) => /** @type {HTMLCanvasElement} */ (part(root, name));
    paintPicture(canvas(".input"), input, data.shape);
    paintPicture(canvas(".made"), made, data.shape);
    paintDifference(canvas(".error"), made, input, data.shape, isDark(root));
    const found = judge(input, code, made, data.scoring);
    const outlier = found.value > data.threshold;
    say(part(root, ".verdict"), `${outlier ? "Outlier" : "Ordinary"} for ${data.data}`);
    say(part(root, ".why"), why(found.parts, data.scoring));
    const rows = [{ name: "combined", ...found }, ...found.parts].flatMap(({ name, percentile }) => {
      const bar = element("i", "", { title: `Flagged above ${percent(1 - data.fpr)}` });
      setVariables(bar, { share: percentile / 100 });
      return [element("span", "", {}, name), bar, element("span", "", {}, percentile.toFixed(2))];
    });
    part(root, ".scores").replaceChildren(
      element("span", "", {}, "score"),
      element("span"),
      element("span", "", {}, "percentile"),
      ...rows,
    );
    this.code = code;
    root.dataset.scores = JSON.stringify([found.value, ...found.parts.map(({ value }) => value)]);
    this.plot(code);
    this.compare(code);
  }

  /** Show the training pictures with the nearest codes. @param {Float32Array} code */
  compare(code) {
    if (!this.trained || !this.data.trained) return;
    const { columns, names } = this.data.trained;
    const [, height, width] = this.data.shape;
    const { codes, image } = this.trained;
    const near = nearest(code, codes, NEAREST);
    const tiles = near.map(({ row }) => {
      const tile = element("canvas", "", { role: "img", "aria-label": names[row] || `training picture ${row}` });
      drawTile(sized(tile, width, height), { image, columns, width, height }, row);
      return tile;
    });
    say(part(this.root, ".near p"), "Training pictures with the nearest codes");
    part(this.root, ".tiles").replaceChildren(...tiles);
  }

  /** Return the points of the map, drawn once. @param {number} side */
  charted(side) {
    const { places, labels } = /** @type {NonNullable<typeof this.points>} */ (this.points);
    const chart = new OffscreenCanvas(side, side);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (chart.getContext("2d"));
    context.globalAlpha = 0.6;
    const size = 2.4 * devicePixelRatio;
    for (let i = 0; i < labels.length; i++) {
      const [x, y] = onMap(places[2 * i], places[2 * i + 1], side);
      context.fillStyle = this.data.map?.colours[labels[i]] ?? "#888";
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
    return chart;
  }

  /** Draw the map, and on it the place of a code: the mean of the nearest ones, weighted by distance. @param {Float32Array | null} code */
  plot(code) {
    if (!this.points || !this.data.map) return;
    const { places, codes } = this.points;
    const side = Math.round(this.map.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.chart?.width !== side) this.chart = this.charted(side);
    const context = sized(this.map, side, side);
    context.clearRect(0, 0, side, side);
    context.drawImage(this.chart, 0, 0);
    if (!code) return;
    const near = nearest(code, codes, 5).map(({ row, distance }) => ({ row, weight: 1 / (distance + 1e-6) }));
    const total = near.reduce((sum, { weight }) => sum + weight, 0);
    const mean = (/** @type {number} */ axis) =>
      near.reduce((sum, { row, weight }) => sum + weight * places[2 * row + axis], 0) / total;
    const [x, y] = onMap(mean(0), mean(1), side);
    const text = getComputedStyle(this.root).getPropertyValue("--st-text-color");
    context.lineWidth = 3 * devicePixelRatio;
    for (const [radius, colour] of new Map([
      [10, text],
      [7, "#fff"],
    ])) {
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(x, y, radius * devicePixelRatio, 0, 7);
      context.stroke();
    }
  }
}

/** Return the pixel of a place of the map, which are shares from its lower left corner. @param {number} x @param {number} y @param {number} side */
function onMap(x, y, side) {
  const margin = 12;
  return [margin + x * (side - 2 * margin), margin + (1 - y) * (side - 2 * margin)];
}

export default mount(Drawing);
