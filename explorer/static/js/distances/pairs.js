// Step 1: twelve pictures on a board and the plot of their pairs, in an arrangement of one's own or a model's.

import { countPainted, part, say, setVariables } from "../shared/dom.js";
import { clamp, signed } from "../shared/numbers.js";
import { delayed } from "../shared/reports.js";
import { Board, HEIGHT } from "./board.js";
import { move } from "./motion.js";
import { Plot } from "./plot.js";
import { distances, fitted, pairsOf, shares, spearman } from "./ranks.js";

export const TILES = 12;
const PAIRS = pairsOf(TILES);
const MILLISECONDS = 1100; // from one arrangement to another
const REACH = 0.9 * Math.hypot(1, HEIGHT); // the largest distance on the board that the plot shows
const MARGIN = 0.1;

/** @typedef {"own" | "vae" | "gwae"} Mode */
/** @typedef {{ kind: string, whole: string, codes: Float32Array[], places: Float32Array[] }} Model */
/** @typedef {{ places: number[][], apart: number[], up: number[] }} Arrangement places of the tiles, distances of their pairs, and those as shares of the plot's height */

const SENTENCES = {
  own: "Put digits that look alike close together, unlike ones far apart. Each dot is a pair of digits: the better your distances agree with those of the pictures, the closer all dots come to the line.",
  vae: "This is where a VAE puts them: each digit gets a code, a place with as many coordinates as the model has axes. Distances between its codes agree little with those between the pictures.",
  gwae: "A GWAE is trained to make both distances agree: pictures that look alike get codes that are close, unlike ones codes that are far apart.",
};

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
  shown = { places: [], apart: [], up: [] };
  /** @type {Float32Array[]} */
  pictures = [];
  /** @type {string[]} */
  labels = [];
  /** @type {import("../shared/live.js").Shape} */
  shape = [1, 1, 1];
  /** @type {number[]} differences of the pictures as shares of the plot's width */
  x = [];
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
    this.x = shares(this.across);
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
    if (mode === "own") return owned(this.own);
    const { codes, places } = this.model(mode);
    const apart = distances(this.rows(codes));
    return {
      places: fitted(
        this.rows(places).map((place) => [place[0], place[1]]),
        MARGIN,
        HEIGHT,
      ),
      apart,
      up: shares(apart),
    };
  }

  /** Move tiles and dots to another arrangement; the correlation is that of the dots on their way. @param {Mode} mode */
  arrange(mode) {
    this.stop();
    this.mode = mode;
    const [from, to] = [this.shown, this.arrangement(mode)];
    this.tell();
    this.stop = move(MILLISECONDS, (share) => {
      const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + share * (b - a);
      const up = to.up.map((end, pair) => mix(from.up[pair], end));
      const places = to.places.map(([x, y], tile) => [mix(from.places[tile][0], x), mix(from.places[tile][1], y)]);
      this.paint(share < 1 ? { places, apart: up, up } : to);
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
    this.frame = requestAnimationFrame(() => this.paint(owned(this.own)));
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
    const lines = lit.map((at) => /** @type {[number, number, number]} */ ([...PAIRS[at], 1 - this.x[at]]));
    this.plot.light(new Set(lit));
    this.board.light(i >= 0 ? [i, j] : [this.picked], lines);
    say(part(this.root, ".pair"), this.pairText(lit));
  }

  /** @param {number[]} lit */
  pairText(lit) {
    const labels = this.rows(this.labels);
    if (lit.length > 1)
      return `The ${lit.length} pairs of this ${labels[this.picked]}: the darker the line, the more alike the pictures.`;
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
    this.plot.show(this.x, arrangement.up);
    this.light();
    const agreement = spearman(this.across, arrangement.apart);
    say(part(this.root, ".agreement b"), signed(agreement));
    setVariables(part(this.root, ".agreement i"), { share: clamp(agreement) });
    this.rest.start();
    countPainted(this.root);
  }

  /** Say what is shown: at once, not in every frame. */
  tell() {
    for (const button of this.buttons()) button.setAttribute("aria-pressed", String(button.value === this.mode));
    this.root.dataset.mode = this.mode;
    say(part(this.root, ".sentence"), SENTENCES[this.mode]);
    const isOwn = this.mode === "own";
    say(part(this.root, ".up"), isOwn ? "apart on your board →" : "apart as codes →");
    say(part(this.root, ".whole"), isOwn ? "" : this.model(this.mode).whole);
    say(part(this.root, ".flat"), isOwn ? "" : "The board shows the codes laid flat, the plot their true distances.");
  }
}

/** @param {number[][]} places @returns {Arrangement} */
function owned(places) {
  const apart = distances(places);
  return { places, apart, up: apart.map((value) => Math.min(1, value / REACH)) };
}
