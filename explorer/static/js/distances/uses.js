// Step 3: what a GWAE is for. A tile for each claim: its miniature, what was measured, where it does not hold.

import { decodeLatest, decodeNow, decoderOf, sessionOf } from "../shared/decoder.js";
import { countPainted, element, say } from "../shared/dom.js";
import { arrow } from "../shared/gestures.js";
import { clamp } from "../shared/numbers.js";
import { numbersOf, paintPicture, sized } from "../shared/pictures.js";
import { later } from "./later.js";
import { distance, fitted, rowsOf } from "./ranks.js";
import { Sliders } from "./sliders.js";

/** @typedef {import("./later.js").Factors} Factors */
/** @typedef {import("./later.js").Places} Places */
/** @typedef {import("./later.js").Samples} Samples */
/** @typedef {{ page: string, model: string, title: string }} Link */
/** @typedef {{ name: string, value: string, interval: string, protocol: string }} Figure */
/** @typedef {{ title: string, sentence: string, numbers: Figure[], limit: string, miniature: "axes" | "map" | "samples", links: Link[] }} Claim */

const SHEET = 9; // prior samples at a time
const DOT = 2.2; // pixels of the map's canvas
const SIDE = 320; // of the map's canvas

export class Uses {
  /** @type {Claim[]} */
  claims = [];
  made = "";

  /** @param {HTMLElement} root @param {(link: Link) => void} open */
  constructor(root, open) {
    this.root = root;
    this.open = open;
  }

  /** @param {Claim[]} claims */
  update(claims) {
    if (JSON.stringify(claims) !== JSON.stringify(this.claims)) {
      this.claims = claims;
      this.made = "";
      this.root.replaceChildren(...claims.map((claim) => this.tile(claim)));
    }
    this.prepare();
  }

  /** @param {Claim} claim */
  tile({ title, sentence, numbers, limit, miniature, links }) {
    const figures = numbers.map(({ name, value, interval, protocol }) =>
      element(
        "p",
        "number",
        { title: protocol },
        element("b", "", {}, value),
        ` ${interval} `,
        element("small", "", {}, name),
      ),
    );
    const anchors = links.map((link) => {
      const anchor = element(
        "a",
        "",
        { href: `${link.page}?model=${encodeURIComponent(link.model)}` },
        `${link.title} →`,
      );
      anchor.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
        event.preventDefault();
        this.open(link);
      };
      return anchor;
    });
    return element(
      "article",
      "use",
      {},
      element("h3", "", {}, title),
      element("p", "", {}, sentence),
      element("div", `miniature ${miniature}`, {}, element("small", "", {}, "The model is on its way …")),
      ...figures,
      element("p", "limit", {}, element("b", "", {}, "Limit: "), limit),
      element("p", "links", {}, ...anchors),
    );
  }

  /** Draw the miniatures once their models are there; all decoders are made ready, so that the server is not needed. */
  async prepare() {
    const { miniatures } = later() ?? {};
    const all = Object.values(miniatures ?? {});
    if (!miniatures || !all.every(({ hash }) => decoderOf(hash))) return;
    const key = all.map(({ hash }) => hash).join();
    if (this.made === key) return;
    this.made = key;
    for (const { hash } of all) await sessionOf(hash).catch(() => {}); // one after another: the hand comes first
    if (miniatures.axes) this.axes(miniatures.axes);
    if (miniatures.map) this.map(miniatures.map);
    if (miniatures.samples) this.samples(miniatures.samples);
    this.root.dataset.ready = key;
  }

  /** Return the place of a miniature and its canvas, emptied. @param {string} name @param {string} label */
  place(name, label) {
    const place = /** @type {HTMLElement | null} */ (this.root.querySelector(`.miniature.${name}`));
    const canvas = element("canvas", "", { role: "img", "aria-label": label });
    place?.replaceChildren(canvas);
    return { place, canvas };
  }

  /** @param {Factors} data */
  axes({ hash, shape, code, rows }) {
    const { place, canvas } = this.place("axes", "The picture of this code");
    const field = element("div", "sliders");
    place?.append(field);
    const sliders = new Sliders(field, (pixels) => {
      paintPicture(canvas, pixels, shape);
      countPainted(this.root);
    });
    sliders.fill(hash, rows);
    sliders.start(numbersOf(code));
  }

  /** @param {Places} data */
  map({ hash, shape, xy, codes, colours }) {
    const { place, canvas } = this.place("map", "Map of test codes: point at it, or use the arrow keys");
    const lens = element("canvas", "lens", { "aria-hidden": "true" });
    place?.append(lens);
    const points = fitted(
      rowsOf(numbersOf(xy), 2).map((point) => [point[0], point[1]]),
      0.04,
      1,
    ).map(([x, y]) => [x, 1 - y]);
    const rows = rowsOf(numbersOf(codes), numbersOf(codes).length / points.length);
    const context = sized(canvas, SIDE, SIDE);
    const draw = (/** @type {number} */ chosen) => {
      context.clearRect(0, 0, SIDE, SIDE);
      for (const [at, [x, y]] of points.entries()) {
        context.fillStyle = colours[at];
        context.beginPath();
        context.arc(SIDE * x, SIDE * y, at === chosen ? 4 * DOT : DOT, 0, 7);
        context.fill();
      }
    };
    const show = (/** @type {number[]} */ at) => {
      const away = points.map((point) => distance(point, at));
      const nearest = away.indexOf(Math.min(...away));
      draw(nearest);
      decodeLatest(hash, rows[nearest].slice(), (pixels) => {
        paintPicture(lens, pixels, shape);
        countPainted(this.root);
      });
    };
    lookAround(canvas, show);
    show([0.5, 0.5]);
  }

  /** @param {Samples} data */
  samples({ hash, shape, codes, count, model }) {
    const { place } = this.place("samples", "");
    const drawn = numbersOf(codes);
    const rows = rowsOf(drawn, drawn.length / count);
    const canvases = Array.from({ length: SHEET }, () => element("canvas"));
    const sheet = element(
      "div",
      "sheet",
      { role: "img", "aria-label": `${SHEET} prior samples of ${model}` },
      ...canvases,
    );
    const button = element("button", "new", { type: "button" }, "New samples");
    place?.replaceChildren(sheet, button);
    let first = 0;
    const draw = async () => {
      const begun = first;
      for (const [at, canvas] of canvases.entries()) {
        if (begun !== first) return; // a later click draws others
        await decodeNow(hash, rows[begun + at].slice(), (pixels) => paintPicture(canvas, pixels, shape)).catch(
          (error) => say(button, `The decoder does not run in this browser: ${error}`),
        );
      }
      countPainted(this.root);
    };
    button.onclick = () => {
      first = (first + SHEET) % count;
      draw();
    };
    draw();
  }
}

/** Follow the pointer over a picture, and the arrow keys. @param {HTMLElement} canvas @param {(at: number[]) => void} show shares of its width and height */
function lookAround(canvas, show) {
  let at = [0.5, 0.5];
  canvas.tabIndex = 0;
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const box = canvas.getBoundingClientRect();
    at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    show(at);
  };
  canvas.onkeydown = (event) => {
    const [right, up] = arrow(event.key);
    if (!right && !up) return;
    event.preventDefault();
    at = [clamp(at[0] + 0.05 * right), clamp(at[1] - 0.05 * up)];
    show(at);
  };
}
