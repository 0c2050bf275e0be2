// What the lens shows: the picture of a point, or what the decoder draws at an empty place of the map.

import { decodeLatest, decoderOf } from "../shared/decoder.js";
import { part, say } from "../shared/dom.js";
import { Lens } from "./lens.js";

/** @typedef {[number, number]} Place of the map */

export const REACH = 7; // pixels from a point within which the point is meant

export class Looking {
  /** @type {Place | null} where the decoded place is */
  from = null;
  /** @type {Place[]} the points its code is mixed from */
  sources = [];
  cursor = -1; // the point that the keyboard has reached

  /** @param {import("./scatter.js").Scatter} map */
  constructor(map) {
    this.map = map;
    this.lens = new Lens(map.field);
  }

  /** @param {number} px @param {number} py pixels @param {number} time of the event */
  look(px, py, time) {
    const { points, data, view } = this.map;
    if (!points) return;
    this.cursor = -1;
    const [x, y] = view.place(px, py);
    const index = points.pick(x, y, REACH / view.scale, data.prior);
    if (index >= 0) return this.lookAt(points, index, [px, py], time);
    const mixed = decoderOf(data.model) && points.mix(x, y);
    if (!mixed) return this.away();
    this.from = [x, y];
    this.sources = mixed.near.map((near) => points.place(near.index));
    const { trust } = mixed;
    this.lens.show([px, py], { title: "Decoded here", note: `reliability ${trust.toFixed(2)}`, colour: "", trust });
    this.decode(mixed.code, time);
    this.map.paint(false);
  }

  /** Show a point. @param {import("./points.js").Points} points @param {number} index @param {Place} at pixels @param {number} time */
  lookAt(points, index, at, time) {
    const { map, lens } = this;
    const { data, sheet } = map;
    if (this.from) map.paint(false);
    this.from = null;
    this.sources = [];
    const isCode = index < points.count;
    const label = isCode ? points.labels[index] : -1;
    const tile = isCode && sheet ? points.tiles[index] : -1;
    const { entries } = data.legend;
    const ten = entries.length <= data.label_colours.length ? entries : []; // more would share colours
    const kind = ten.find(({ colour }) => colour === map.colours[index])?.name;
    const title = isCode ? (data.labels[label] ?? kind ?? "No label") : "Prior sample";
    const note = isCode ? `picture ${points.rows[index]}${tile < 0 ? ", reconstruction" : ""}` : "decoded";
    const colour = label >= 0 ? data.label_colours[label % data.label_colours.length] : "";
    lens.show(at, { title, note, colour, trust: 1 });
    say(part(map.root, ".said"), `${title}, ${note}`);
    const code = points.code(index);
    if (tile >= 0 && sheet) {
      lens.tile(sheet, tile, data.sprite_columns, data.shape);
      this.done(time);
    } else if (code && decoderOf(data.model)) this.decode(code, time);
    else lens.blank();
  }

  /** Go to a point by the keyboard. @param {number} index */
  goTo(index) {
    const { view, points } = this.map;
    if (!points) return;
    const place = points.place(index);
    const [px, py] = view.pixel(...place);
    if (px < 20 || py < 20 || px > view.width - 20 || py > view.height - 20) {
      [view.x, view.y] = place;
      this.map.paint();
    }
    this.lookAt(points, index, view.pixel(...place), performance.now());
    this.from = place;
    this.cursor = index;
    this.map.paint(false);
  }

  /** Decode into the lens. @param {Float32Array} code @param {number} time */
  decode(code, time) {
    const { data } = this.map;
    decodeLatest(data.model, code, (pixels) => {
      if (!this.map.data || !this.lens.shown) return;
      this.lens.paint(pixels, data.shape);
      this.done(time);
    });
  }

  /** Note how long a picture took since the hand moved, for tests.benchmarks.clusters. @param {number} time */
  done(time) {
    const { dataset } = this.map.root;
    dataset.looked = String(Number(dataset.looked ?? 0) + 1);
    dataset.took = (performance.now() - time).toFixed(1);
  }

  away() {
    if (this.from) this.map.paint(false);
    this.from = null;
    this.cursor = -1;
    this.sources = [];
    if (this.lens.shown) this.lens.hide();
  }
}
