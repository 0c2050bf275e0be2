// The map of page Clusters: points on a canvas, a lens that decodes what lies below the pointer, a lasso and a path.

import { decodeNow, decoderOf, sessionOf } from "../shared/decoder.js";
import { countPainted, mount, part, say } from "../shared/dom.js";
import { copied, fileName, png, save } from "../shared/figures.js";
import { arrow } from "../shared/gestures.js";
import { listen } from "../shared/live.js";
import { bytesOf } from "../shared/pictures.js";
import { Badges } from "./badges.js";
import { blobOf } from "./blobs.js";
import { packed, unpacked } from "./codes.js";
import { inside, towards } from "./grid.js";
import { Hand } from "./hand.js";
import { Legend } from "./legend.js";
import { Looking, REACH } from "./looking.js";
import { Picture } from "./picture.js";
import { Points } from "./points.js";
import { Strip } from "./strip.js";
import { View } from "./view.js";

/** @typedef {[number, number]} Place of the map */
/**
 * @typedef {object} Data as `Scatter` in explorer/components/scatter
 * @property {string} points
 * @property {number} count
 * @property {number} samples
 * @property {string} codes
 * @property {number} z_dim
 * @property {string} colours
 * @property {string[]} palette
 * @property {import("./legend.js").Meaning} legend
 * @property {Record<string, string>} labels
 * @property {string[]} label_colours
 * @property {string} name
 * @property {string} model
 * @property {import("../shared/live.js").Shape} shape
 * @property {string} sprite
 * @property {number} sprite_columns
 * @property {import("./badges.js").Badge[]} badges
 * @property {string} badge_pictures
 * @property {boolean} prior
 * @property {boolean} centres
 * @property {import("./lines.js").Outline[]} outlines
 * @property {{ map: number, code: number }} usual
 * @property {{ kind: string, index: number, at: number[] }} focus
 * @property {number[]} own
 * @property {string} selected
 */

const WARM = 200; // ms after the first picture of the map
const CLOSE = 12; // pixels that an arrow key moves at least

export class Scatter {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Points | null} */
  points = null;
  /** @type {Uint8Array} */
  colours = new Uint8Array();
  view = new View();
  /** @type {Uint8Array | null} */
  chosen = null;
  /** @type {Place[]} */
  drawn = [];
  closed = false;
  /** @type {HTMLImageElement | null} */
  sheet = null;
  known = { points: "", badges: "", sprite: "", selected: "" };
  frame = 0;
  stale = false;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".scatter");
    this.field = part(this.root, ".field");
    this.picture = new Picture(this.field);
    this.legend = new Legend(part(this.root, ".legend"), () => this.choose());
    this.badges = new Badges(this.field, (picked) => this.tell("picked", picked));
    this.looking = new Looking(this);
    this.strip = new Strip(
      part(this.root, ".strip"),
      (at, paint) => this.decodePlace(at, paint),
      (at) => this.tell("picked", { kind: "place", at }),
    );
    this.hand = new Hand(this.field, {
      hover: (x, y, time) => this.looking.look(x, y, time),
      leave: () => this.looking.away(),
      click: (x, y) => this.click(x, y),
      pan: (dx, dy) => this.moved(() => this.view.pan(dx, dy)),
      zoom: (factor, x, y) => this.moved(() => this.view.zoom(factor, x, y)),
      begin: (mode, x, y) => this.begin(mode, x, y),
      draw: (x, y) => this.draw(x, y),
      end: () => this.end(),
    });
    this.root.onclick = (event) => this.tool(/** @type {Element} */ (event.target));
    this.field.onkeydown = (event) => this.key(event);
    this.field.onblur = () => this.looking.away();
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.field);
    this.deaf = listen({ blob: () => this.refresh(), decoder: () => this.warm(), sharp: () => this.sharpen() });
    this.mode("move");
  }

  close() {
    this.deaf();
    this.resized.disconnect();
    this.strip.hide();
    cancelAnimationFrame(this.frame);
    this.data = /** @type {any} */ (null);
  }

  /** @param {Data} data */
  update(data) {
    this.data = data;
    this.legend.show(data.legend, data.palette);
    this.field.setAttribute(
      "aria-label",
      `Map of ${data.count} test codes. Arrow keys go from point to point, Enter opens one, plus and minus zoom.`,
    );
    this.refresh();
    this.warm();
  }

  /** Take up what has arrived. */
  refresh() {
    const { data, known } = this;
    const [bytes, colours] = data ? [blobOf(data.points), blobOf(data.colours)] : [];
    if (!bytes || !colours) return;
    this.colours = colours;
    if (known.points !== data.points) {
      known.points = data.points;
      this.points = new Points(bytes, data);
      this.resize();
      this.view.fit(this.points.grid.bounds);
      this.strip.hide();
      this.drawn = [];
      this.looking.away();
    }
    if (known.selected !== data.selected || !this.chosen) this.choose(data.selected);
    known.selected = data.selected;
    this.badges.show(data.centres ? data.badges : [], data.points);
    this.pictures();
    this.paint();
  }

  pictures() {
    const { data, known } = this;
    const centres = data.centres ? `${data.points} ${data.badge_pictures}` : "";
    const png = blobOf(data.badge_pictures);
    if (png && known.badges !== centres) this.badges.paint(png, data.shape);
    if (png) known.badges = centres;
    const sprite = blobOf(data.sprite);
    if (!sprite || known.sprite === data.sprite) return;
    known.sprite = data.sprite;
    const sheet = new Image();
    sheet.src = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (sprite)], { type: "image/png" }));
    sheet.decode().then(
      () => {
        this.sheet = sheet;
        URL.revokeObjectURL(sheet.src);
      },
      () => {},
    );
  }

  /** Make the decoder's session once the map is painted, and before the first picture is asked for. */
  warm() {
    if (this.data && this.root.dataset.painted && decoderOf(this.data.model))
      sessionOf(this.data.model).catch(() => {});
  }

  // ---------------------------------------------------------------- painting

  resize() {
    const { clientWidth, clientHeight } = this.field;
    if (!clientWidth || (clientWidth === this.view.width && clientHeight === this.view.height)) return;
    this.view.resize(clientWidth, clientHeight);
    this.paint();
  }

  /** Paint at once, at double size on any screen, until the map is painted again. */
  sharpen() {
    this.stale = this.picture.sharp = true;
    this.paintNow();
    this.picture.sharp = false;
  }

  async save() {
    const content = await png(copied(this.root, this.data.name));
    if (content) save(content, fileName(this.data.name, "map", "png"));
  }

  /** @param {() => void} change of the view */
  moved(change) {
    change();
    this.looking.away();
    this.paint();
  }

  /** Paint with the next picture of the screen; only lines unless points have changed. @param {boolean} points */
  paint(points = true) {
    this.stale ||= points;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paintNow());
  }

  paintNow() {
    const { data, points, view, picture } = this;
    if (!data || !points || view.width < 2) return;
    const style = getComputedStyle(this.field);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--st-${name}`).trim();
    const { colours, chosen, drawn, closed } = this;
    if (this.stale) {
      const seen = { xy: points.xy, count: data.count, samples: data.prior ? data.samples : 0, colours };
      picture.paint(seen, view, data.palette, colour("background-color"), style.color, chosen);
    }
    const { from, sources } = this.looking;
    const drawing = { outlines: data.outlines, drawn, closed, from, sources };
    picture.draw(view, drawing, { text: style.color, accent: colour("primary-color") });
    this.badges.place(view, data.badges, data.focus, data.own);
    this.root.dataset.view = [view.x, view.y, view.scale].join();
    if (this.stale) countPainted(this.root);
    this.stale = false;
    if (this.root.dataset.painted === "1") setTimeout(() => this.warm(), WARM);
  }

  /** Set off the selected points, else those whose colour is chosen in the legend. @param {string} selected */
  choose(selected = this.data.selected) {
    const { colours } = this.legend.chosen.size ? this : { colours: null };
    const count = this.data.count;
    this.chosen = selected ? unpacked(bytesOf(selected), count) : null;
    if (colours) this.chosen = Uint8Array.from({ length: count }, (_, i) => Number(this.legend.chosen.has(colours[i])));
    this.paint();
  }

  // ---------------------------------------------------------------- clicking and drawing

  /** @param {number} px @param {number} py */
  click(px, py) {
    const { points, data } = this;
    if (!points) return;
    this.looking.away();
    const [x, y] = this.view.place(px, py);
    const index = points.pick(x, y, REACH / this.view.scale, data.prior);
    if (index >= 0) this.pick(index);
    else this.tell("picked", { kind: "place", at: [x, y] });
  }

  /** @param {number} index */
  pick(index) {
    const { count } = this.data;
    const rows = /** @type {Points} */ (this.points).rows;
    this.tell("picked", index < count ? { kind: "code", index: rows[index] } : { kind: "prior", index: index - count });
  }

  /** @param {import("./hand.js").Mode} mode @param {number} x @param {number} y */
  begin(mode, x, y) {
    this.closed = mode === "lasso";
    this.drawn = [this.view.place(x, y)];
  }

  /** @param {number} x @param {number} y */
  draw(x, y) {
    const at = this.view.place(x, y);
    this.drawn = this.closed ? [...this.drawn, at] : [this.drawn[0], at];
    if (!this.closed) this.follow();
    this.paint(false);
  }

  end() {
    const { points, drawn } = this;
    if (this.closed && points) {
      const flags = inside(points.xy, this.data.count, drawn);
      this.select(flags.includes(1) ? packed(flags) : "");
      this.drawn = [];
    }
    this.paint(false);
  }

  /** @param {string} selected */
  select(selected) {
    this.choose(selected);
    this.tell("selected", { bits: selected });
  }

  follow() {
    const [from, to] = this.drawn;
    const text = decoderOf(this.data.model)
      ? "From the first place to the second; fainter pictures are less reliable. Click one for more."
      : "This model has no decoder for the browser yet.";
    say(part(this.root, ".strip p"), text);
    this.strip.show(from, to, this.data.shape);
  }

  /** @param {Place} at @param {(pixels: Float32Array, trust: number) => void} paint */
  async decodePlace([x, y], paint) {
    const mixed = this.points?.mix(x, y);
    if (!mixed || !decoderOf(this.data.model)) return;
    await decodeNow(this.data.model, mixed.code, (pixels) => paint(pixels, mixed.trust)).catch(() => {});
  }

  // ---------------------------------------------------------------- tools and keys

  /** @param {Element} target */
  tool(target) {
    const button = /** @type {HTMLElement | null} */ (target.closest(".tools button"));
    if (!button) return;
    const { mode, zoom, save } = button.dataset;
    if (mode) this.mode(/** @type {import("./hand.js").Mode} */ (mode));
    if (zoom) this.zoom(Number(zoom));
    if (save !== undefined) this.save();
  }

  /** @param {import("./hand.js").Mode} mode */
  mode(mode) {
    this.hand.take(mode);
    for (const button of this.root.querySelectorAll("[data-mode]"))
      if (button !== this.field) button.setAttribute("aria-checked", String(button.getAttribute("data-mode") === mode));
  }

  /** Zoom by a factor; 0 shows the whole map. @param {number} factor */
  zoom(factor) {
    const { points } = this;
    if (points) this.moved(() => (factor ? this.view.zoom(factor) : this.view.fit(points.grid.bounds)));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { points, view, data, looking } = this;
    if (!points || event.target !== this.field) return;
    const [right, up] = arrow(event.key);
    const factor = { "+": 1.5, "=": 1.5, "-": 0.667, 0: 0 }[event.key];
    if (factor !== undefined) this.zoom(factor);
    else if (event.key === "Escape") this.clear();
    else if (event.key === "Enter" && looking.cursor >= 0) this.pick(looking.cursor);
    else if (right || up) {
      const { cursor } = looking;
      const least = CLOSE / view.scale;
      const next =
        cursor < 0
          ? points.pick(view.x, view.y, Infinity, false) // the first key goes to the middle
          : towards(points.xy, data.count, points.place(cursor), [right, up], least);
      if (next >= 0) looking.goTo(next);
    } else return;
    event.preventDefault();
  }

  clear() {
    this.looking.away();
    this.drawn = [];
    this.strip.hide();
    if (this.data.selected) this.select("");
    this.paint(false);
  }
}

export default mount(Scatter);
