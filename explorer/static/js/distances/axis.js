// Step 2: the most effective axes of the GWAE under a large picture, and how far code and picture have moved.

import { decoderOf, sessionOf } from "../shared/decoder.js";
import { countPainted, element, part, say, setVariables } from "../shared/dom.js";
import { paintPicture } from "../shared/pictures.js";
import { later } from "./later.js";
import { TILES } from "./pairs.js";
import { distance, distances, mean } from "./ranks.js";
import { Sliders } from "./sliders.js";

export class Axis {
  /** @type {Float32Array[]} */
  codes = [];
  start = -1;
  hash = "";
  /** @type {Float32Array | null} the picture that the start decodes to */
  before = null;
  usual = { code: 1, picture: 1 };
  /** @type {import("../shared/live.js").Shape} */
  shape = [1, 1, 1];

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.sliders = new Sliders(part(root, ".sliders"), (pixels, z) => this.paint(pixels, z));
  }

  /** @param {string} hash @param {Float32Array[]} codes @param {Float32Array[]} pictures @param {string[]} labels @param {import("../shared/live.js").Shape} shape */
  update(hash, codes, pictures, labels, shape) {
    [this.hash, this.codes, this.shape] = [hash, codes, shape];
    const first = (/** @type {Float32Array[]} */ rows) => rows.slice(0, TILES);
    this.usual = { code: mean(distances(first(codes))), picture: mean(distances(first(pictures))) };
    this.buttons = first(pictures).map((pixels, at) => {
      const canvas = element("canvas");
      paintPicture(canvas, pixels, shape);
      const button = element(
        "button",
        "tile",
        { type: "button", "aria-label": `Start from digit ${labels[at]}` },
        canvas,
      );
      button.onclick = () => this.begin(at);
      return button;
    });
    part(this.root, ".starts").replaceChildren(...this.buttons);
    this.prepare();
  }

  /** Show the sliders once axes and decoder are there. */
  async prepare() {
    const axes = later()?.axes;
    const model = decoderOf(this.hash);
    if (model?.failed)
      return say(part(this.root, ".note"), `The decoder does not run in this browser: ${model.failed}`);
    if (axes?.hash !== this.hash || !model || this.sliders.hash === this.hash) return;
    await sessionOf(this.hash).catch(() => {}); // the model's `failed` says why
    if (model.failed || this.sliders.hash === this.hash) return;
    this.sliders.fill(this.hash, axes.rows);
    say(part(this.root, ".note"), "");
    this.begin(Math.max(0, this.start));
  }

  /** @param {number} at */
  begin(at) {
    this.start = at;
    this.before = null;
    for (const [place, button] of (this.buttons ?? []).entries()) {
      button.setAttribute("aria-pressed", String(place === at));
    }
    if (this.sliders.hash) this.sliders.start(this.codes[at]);
  }

  /** @param {Float32Array} pixels @param {Float32Array} z */
  paint(pixels, z) {
    this.before ??= pixels.slice();
    paintPicture(part(part(this.root, ".left"), "canvas"), pixels, this.shape);
    this.tell(".moved.code", distance(z, this.codes[this.start]) / this.usual.code);
    this.tell(".moved.picture", distance(pixels, this.before) / this.usual.picture);
    countPainted(this.root);
  }

  /** @param {string} selector @param {number} share of what lies between two digits on average */
  tell(selector, share) {
    const row = part(this.root, selector);
    setVariables(row, { share: Math.min(1, share / 1.5) });
    say(part(row, "b"), `${Math.round(100 * share)} %`);
  }
}
