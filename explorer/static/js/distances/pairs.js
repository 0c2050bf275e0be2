// Step 1: twelve pictures on a board and the plot of their pairs, in an arrangement of one's own or a model's.

import { countPainted, part, say, setVariables } from "../shared/dom.js";
import { move } from "../shared/motion.js";
import { clamp, signed } from "../shared/numbers.js";
import { delayed } from "../shared/reports.js";
import { Board, EDGE, HEIGHT } from "./board.js";
import { Plot } from "./plot.js";
import { distances, fitted, inUnitOf, pairsOf, scaleOf, spearman, spread } from "./ranks.js";

export const TILES = 12;
const PAIRS = pairsOf(TILES);
const MILLISECONDS = 1100; // from one arrangement to another
const CLOSEST = 0.125; // that a model's places are put on the board: tiles hide none

/** @typedef {"own" | "vae" | "gwae"} Mode */
/** @typedef {{ kind: string, whole: string, codes: Float32Array[], places: Float32Array[] }} Model */
/** @typedef {{ places: number[][], apart: number[], even: number[] }} Arrangement places of the tiles, distances of their pairs, and those in the unit of the pictures' */

/** Return what to do, or what is seen. @param {Mode} mode @param {number} axes how many a code has */
export const sentence = (mode, axes) =>
  ({
    own: "Put digits that look alike close together, unlike ones far apart. Each dot is a pair of digits: if your distances agreed with those of the pictures, all dots would lie on the line.",
    vae: `A VAE gives each digit a code, a place in a space of ${axes} axes. How far apart its codes are says little of how different the pictures are.`,
    gwae: "A GWAE is trained to make the two distances agree: pictures that look alike get codes close together, unlike pictures codes far apart.",
  })[mode];

export class Pairs {
  /** @type {Mode} */
  mode = "own";
  set = 0;
  picked = -1;
  pointed = -1;
  /** @type {number[]} */
  across = [];
  /** @type {number[][]} */
  own = [];
  /** @type {Arrangement} */
  shown = { places: [], apart: [], even: [] };
  /** @type {Float32Array[]} */
  pictures = [];
  /** @type {string[]} */
  labels = [];
  /** @type {import("../shared/live.js").Shape} */
  shape = [1, 1, 1];
  scale = scaleOf([0, 1]); // of both axes of the plot
  stop = () => {};
  frame = 0;
  /** For screen readers, once nothing moves any more. */
  rest = delayed(
    () => say(part(this.root, ".spoken"), `Rank correlation ${part(this.root, ".agreement b").textContent}`),
    500,
  );

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.board = new Board(part(root, ".board"), {
      pick: (tile) => this.pick(tile),
      moved: (tile, x, y) => this.drag(tile, x, y),
    });
    this.plot = new Plot(part(root, ".plot"), (pair) => this.point(pair));
    for (const button of this.buttons()) button.onclick = () => this.arrange(/** @type {Mode} */ (button.value));
    part(root, ".others").onclick = () => this.choose((this.set + 1) % this.sets);
  }

  close() {
    this.stop();
    cancelAnimationFrame(this.frame);
    this.rest.stop();
    this.board.close();
  }

  buttons() {
    return /** @type {NodeListOf<HTMLButtonElement>} */ (this.root.querySelectorAll(".arrangements button"));
  }

  get sets() {
    return this.pictures.length / TILES;
  }

  /** @param {Float32Array[]} pictures @param {string[]} labels @param {import("../shared/live.js").Shape} shape @param {[Model, Model]} models VAE and GWAE */
  update(pictures, labels, shape, models) {
    this.pictures = pictures;
    this.labels = labels;
    this.shape = shape;
    this.models = { vae: models[0], gwae: models[1] };
    for (const button of this.buttons()) if (button.value !== "own") say(button, this.model(button.value).kind);
    part(this.root, ".others").hidden = this.sets < 2;
    this.choose(Math.min(this.set, this.sets - 1));
  }

  /** @param {string} mode */
  model(mode) {
    return /** @type {Record<string, Model>} */ (this.models)[mode];
  }

  /** Take other pictures; one's own arrangement begins anew. @param {number} set */
  choose(set) {
    this.stop();
    this.set = set;
    this.picked = -1;
    const rows = this.rows(this.pictures);
    this.across = distances(rows);
    this.scale = scaleOf(this.across);
    this.own = rows.map((_, tile) => [((tile % 4) + 0.5) / 4, ((Math.floor(tile / 4) + 0.5) / 3) * HEIGHT]);
    this.board.fill(rows, this.rows(this.labels), this.shape);
    this.paint(this.arrangement(this.mode));
    this.tell();
  }

  /** Return what belongs to the pictures on the board. @template Row @param {Row[]} all */
  rows(all) {
    return all.slice(this.set * TILES, (this.set + 1) * TILES);
  }

  // ---------------------------------------------------------------- arrangements

  /** @param {Mode} mode @returns {Arrangement} */
  arrangement(mode) {
    if (mode === "own") return this.owned();
    const { codes, places } = this.model(mode);
    const apart = distances(this.rows(codes));
    const flat = fitted(
      this.rows(places).map((place) => [place[0], place[1]]),
      EDGE,
      HEIGHT,
    );
    return {
      places: spread(flat, CLOSEST, EDGE, HEIGHT),
      apart,
      even: inUnitOf(apart, this.across),
    };
  }

  /** @returns {Arrangement} */
  owned() {
    const apart = distances(this.own);
    return { places: this.own, apart, even: inUnitOf(apart, this.across) };
  }

  /** Move tiles and dots to another arrangement; the correlation is that of the dots on their way. @param {Mode} mode */
  arrange(mode) {
    this.stop();
    this.mode = mode;
    const [from, to] = [this.shown, this.arrangement(mode)];
    this.tell();
    this.stop = move(MILLISECONDS, (share) => {
      const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + share * (b - a);
      const even = to.even.map((end, pair) => mix(from.even[pair], end));
      const places = to.places.map(([x, y], tile) => [mix(from.places[tile][0], x), mix(from.places[tile][1], y)]);
      this.paint(share < 1 ? { places, apart: even, even } : to);
      if (share === 1) this.tell();
    });
  }

  /** A tile that is dragged makes the arrangement one's own. @param {number} tile @param {number} x @param {number} y */
  drag(tile, x, y) {
    this.stop();
    const begun = this.mode === "own" ? this.own : this.shown.places;
    this.own = begun.map((place, other) => (other === tile ? [x, y] : place));
    if (this.mode !== "own") {
      this.mode = "own";
      this.tell();
    }
    this.board.places = this.own; // the next movement starts here, also before it is painted
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint(this.owned()));
  }

  // ---------------------------------------------------------------- what is lit

  /** @param {number} tile */
  pick(tile) {
    this.picked = tile;
    this.light();
  }

  /** @param {number} pair */
  point(pair) {
    if (pair === this.pointed) return;
    this.pointed = pair;
    this.light();
  }

  light() {
    const [i, j] = this.pointed >= 0 ? PAIRS[this.pointed] : [-1, -1];
    const isLit = (/** @type {[number, number]} */ pair) =>
      i >= 0 ? pair[0] === i && pair[1] === j : pair.includes(this.picked);
    const lit = PAIRS.flatMap((pair, at) => (isLit(pair) ? [at] : []));
    const lines = lit.map(
      (at) => /** @type {[number, number, number]} */ ([...PAIRS[at], 1 - this.scale(this.across[at])]),
    );
    this.plot.light(new Set(lit));
    this.board.light(i >= 0 ? [i, j] : [this.picked], lines);
    say(part(this.root, ".pair"), this.pairText(lit));
  }

  /** @param {number[]} lit */
  pairText(lit) {
    const labels = this.rows(this.labels);
    if (lit.length > 1)
      return `The ${lit.length} pairs of this ${labels[this.picked]}: the stronger the line, the more alike the pictures.`;
    if (!lit.length) return "Pick up a digit to see its eleven pairs; point at a dot to see its two digits.";
    const [i, j] = PAIRS[lit[0]];
    const away = this.mode === "own" ? "apart on your board" : "between the codes";
    const unit = this.mode === "own" ? "board widths " : "";
    return `${labels[i]} and ${labels[j]}: ${this.across[lit[0]].toFixed(1)} between the pictures, ${this.shown.apart[lit[0]].toFixed(unit ? 2 : 1)} ${unit}${away}.`;
  }

  // ---------------------------------------------------------------- showing

  /** @param {Arrangement} arrangement */
  paint(arrangement) {
    this.shown = arrangement;
    this.board.show(arrangement.places);
    this.plot.show(this.across.map(this.scale), arrangement.even.map(this.scale));
    this.light();
    const agreement = spearman(this.across, arrangement.even);
    say(part(this.root, ".agreement b"), signed(agreement));
    setVariables(part(this.root, ".agreement i"), { share: clamp(agreement) });
    this.rest.start();
    countPainted(this.root);
  }

  /** Say what is shown: at once, not in every frame. */
  tell() {
    for (const button of this.buttons()) button.setAttribute("aria-pressed", String(button.value === this.mode));
    this.root.dataset.mode = this.mode;
    say(part(this.root, ".sentence"), sentence(this.mode, this.model("gwae").codes[0].length));
    const isOwn = this.mode === "own";
    say(part(this.root, ".up"), isOwn ? "apart on your board →" : "apart as codes →");
    say(part(this.root, ".whole"), isOwn ? "" : this.model(this.mode).whole);
    say(
      part(this.root, ".flat"),
      isOwn
        ? ""
        : "The board shows the codes laid flat; the plot has their true distances. Drag a digit to go on yourself.",
    );
  }
}
