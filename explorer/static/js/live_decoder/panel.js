// The axis panel and the four pictures. What the user drags is decoded here at once; the server hears of it on release.

import { fillAxes } from "../shared/axes.js";
import { isDark } from "../shared/colour.js";
import { decodeLatest, decoderOf, sessionOf } from "../shared/decoder.js";
import { mount, part, say } from "../shared/dom.js";
import { announce, listen, live } from "../shared/live.js";
import { axesText, round3 } from "../shared/numbers.js";
import { errorText, floatsOf, paintDifference, paintPicture } from "../shared/pictures.js";
import { delayed, repeated } from "../shared/reports.js";
import { Fold } from "./fold.js";
import { Naming } from "./naming.js";
import { differs, Slider } from "./slider.js";
import { Twin } from "./twin.js";

/**
 * @typedef {object} Data as `Panel` in explorer/components/live_decoder
 * @property {string} table
 * @property {string} place
 * @property {string} model
 * @property {boolean} decoder
 * @property {import("../shared/live.js").Shape} shape
 * @property {import("./slider.js").Axis[]} axes
 * @property {Record<string, string>} names
 * @property {number} outside
 * @property {number} levels
 * @property {string} floor
 * @property {string} codes_name
 * @property {string} anchor
 * @property {string} caption
 * @property {number[]} start
 * @property {number[] | null} sigma
 * @property {number[]} z
 * @property {number} sequence
 * @property {string | null} original
 * @property {string} reconstruction
 * @property {string} current
 * @property {{ far: boolean, text: string }} support
 * @property {import("./twin.js").Other | null} twin
 */

const ANSWER_WITHIN = 4000; // ms
const REPEATS = 3;

class Panel {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Map<number, Slider>} by axis */
  sliders = new Map();
  z = new Float32Array();
  start = new Float32Array();
  reference = new Float32Array();
  painted = -1; // sequence number of the picture that is shown
  /** @type {Float32Array | null} the picture that is shown */
  pixels = null;
  /** @type {number | undefined} milliseconds of the last decoding here */
  took;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".stage");
    const figure = (/** @type {string} */ name) => part(this.root, `.${name}`);
    this.original = figure("original");
    this.reconstruction = figure("reconstruction");
    this.current = figure("current");
    this.error = figure("error");
    this.twin = new Twin(this.root);
    this.home = part(this.root, "button");
    this.fold = new Fold(this.root);
    this.naming = new Naming((axis, name) => this.tell("named", { axis, name }));
    this.home.onclick = () => {
      this.edit(Object.fromEntries(this.data.axes.map((axis) => [axis.i, null])));
      this.commit();
    };
    this.report = repeated(() => this.send(), ANSWER_WITHIN, 2, REPEATS);
    this.rest = delayed(() => this.commit());
    this.deaf = listen({
      edit: (edits) => this.edit(edits),
      commit: () => this.commit(),
      decoder: (hash) => hash === this.data?.model && this.prepare(),
    });
  }

  close() {
    this.deaf();
    this.naming.close();
    this.report.answered();
    this.rest.stop();
  }

  // ---------------------------------------------------------------- what Python says

  /** @param {Data} data */
  update(data) {
    const anew = this.data?.table !== data.table;
    const moved = this.data?.place !== data.place;
    this.data = data;
    this.start = Float32Array.from(data.start);
    if (anew) this.build();
    this.rename();
    if (anew || moved) this.painted = -1;
    const late = data.sequence < live.sequence && !anew && !moved;
    if (!late) {
      this.report.answered();
      live.sequence = Math.max(live.sequence, data.sequence);
      this.z = Float32Array.from(data.z);
    }
    this.reference = floatsOf(data.original ?? data.reconstruction);
    this.showStart();
    if (!late) this.twin.update(data.twin, this.reference, data.axes, this.z, this.start);
    for (const [axis, slider] of this.sliders) {
      slider.showStart(this.start[axis], data.sigma?.[axis]);
      slider.show(this.z[axis]);
    }
    this.showHome();
    if (!late) {
      this.paint(floatsOf(data.current), data.sequence, "server");
      const support = part(this.root, ".support");
      say(support, data.support.text);
      support.classList.toggle("far", data.support.far);
    }
    this.prepare();
  }

  build() {
    this.naming.close();
    const { axes, levels, outside, floor, codes_name } = this.data;
    const sliders = axes.map((axis) => {
      const edit = (/** @type {number | null} */ value) => this.edit({ [axis.i]: value });
      const name = () => this.openNaming(axis.i);
      return new Slider(axis, levels, outside, { edit, name, commit: () => this.commit(), rest: this.rest });
    });
    this.sliders = new Map(sliders.map((slider) => [slider.axis.i, slider]));
    fillAxes(this.root, sliders, ` (below ${floor})`);
    this.fold.fill(sliders);
    say(part(this.root, ".key.codes"), codes_name);
  }

  /** Show the names of the axes. */
  rename() {
    const { axes, names } = this.data;
    for (const [axis, slider] of this.sliders) slider.rename(names[axis] ?? "");
    this.root.classList.toggle("named", axes.some(({ carries }) => carries) || Object.keys(names).length > 0);
    this.fold.names = names;
  }

  /** @param {number} axis */
  openNaming(axis) {
    const slider = this.sliders.get(axis);
    if (slider) this.naming.open(slider, this.pixels, this.data, this.z);
  }

  /** Load the decoder before it is needed, and catch up with what was moved while it was on its way. */
  async prepare() {
    const { data, root } = this;
    const model = decoderOf(data.model);
    root.dataset.decoder = !data.decoder ? "none" : model?.failed ? "failed" : model ? "loading" : "coming";
    this.showNote();
    if (!data.decoder || !model || model.failed) return;
    try {
      await sessionOf(data.model);
    } catch {
      return; // the model's `failed` says so, and its event comes back here
    }
    if (this.data.model !== data.model) return;
    root.dataset.decoder = "ready";
    if (live.sequence > this.painted) this.decodeHere();
  }

  showStart() {
    const { data } = this;
    const has = data.original !== null;
    this.original.hidden = !has;
    this.root.classList.toggle("without-original", !has);
    this.root.classList.toggle("dark", isDark(this.root));
    this.error.title = `Current − ${has ? "original" : "start"}: red is brighter, blue is darker`;
    if (has) {
      paintPicture(part(this.original, "canvas"), this.reference, data.shape);
      describe(this.original, "Original", data.caption);
    }
    const picture = floatsOf(data.reconstruction);
    paintPicture(part(this.reconstruction, "canvas"), picture, data.shape);
    if (has) describe(this.reconstruction, "Reconstruction", errorText(picture, this.reference));
    else describe(this.reconstruction, "Start", data.caption);
  }

  showHome() {
    const { anchor } = this.data;
    this.home.textContent = `↺ Reset to ${anchor === "posterior mean" ? "encoded picture" : anchor}`;
    const changed = this.changed();
    this.home.disabled = !changed.length;
    this.fold.keep(changed);
    say(part(this.root, ".key.anchor b"), this.data.anchor + (this.data.sigma ? " ± 2 σ" : ""));
  }

  // ---------------------------------------------------------------- pictures

  /** @param {Float32Array} pixels @param {number} sequence @param {"server" | "browser"} by @param {number} [took] */
  paint(pixels, sequence, by, took) {
    const { shape } = this.data;
    this.painted = sequence;
    this.pixels = pixels;
    paintPicture(part(this.current, "canvas"), pixels, shape);
    paintDifference(part(this.error, "canvas"), pixels, this.reference, shape, isDark(this.root));
    const changed = this.changed().length;
    describe(this.current, "Current", changed ? `${axesText(changed)} moved` : "unchanged");
    describe(this.error, "Difference", errorText(pixels, this.reference));
    this.took = took ?? this.took;
    this.root.dataset.painted = by;
    this.root.dataset.sequence = String(sequence);
    if (by === "browser") this.showNote();
    else requestAnimationFrame(() => announce("answered", sequence));
    announce("picture", { pixels, shape });
    this.naming.show(pixels, this.data, this.z);
  }

  decodeHere() {
    const sequence = live.sequence;
    decodeLatest(this.data.model, this.z.slice(), (pixels, took) => {
      if (sequence > this.painted) this.paint(pixels, sequence, "browser", took);
    });
  }

  showNote() {
    const failed = decoderOf(this.data.model)?.failed;
    const note = part(this.root, ".note");
    if (failed) note.title = String(failed);
    say(note, this.noteText(Boolean(failed)));
  }

  /** @param {boolean} failed */
  noteText(failed) {
    if (!this.data.decoder) return "This run has no decoder.onnx: the picture follows when you let go.";
    if (failed) return "This browser cannot run the decoder: the picture follows when you let go.";
    if (this.took === undefined)
      return "Drag, or use the arrow keys (Shift: bigger steps, Esc: back). Click the name of an axis to change it.";
    return `Decoded in this browser while you drag, ${Math.max(1, this.took).toFixed(0)} ms a picture.`;
  }

  // ---------------------------------------------------------------- changes

  /** Return the axes that differ from the start. */
  changed() {
    return this.data.axes.map((axis) => axis.i).filter((i) => differs(this.z[i], this.start[i]));
  }

  /** Apply values set in the browser. @param {import("../shared/live.js").Edits} edits */
  edit(edits) {
    live.sequence += 1;
    for (const [key, value] of Object.entries(edits)) {
      const axis = Number(key);
      const slider = this.sliders.get(axis);
      if (!slider) continue;
      this.z[axis] = value === null ? this.start[axis] : round3(value);
      slider.show(this.z[axis]);
    }
    this.showHome();
    this.decodeHere();
    this.twin.move(this.data.axes, this.z, this.start);
    announce("code", this.z);
  }

  commit() {
    this.rest.stop();
    this.report.start();
  }

  send() {
    const edits = Object.fromEntries(this.changed().map((axis) => [axis, round3(this.z[axis])]));
    this.tell("moved", { sequence: live.sequence, edits });
  }
}

/** @param {HTMLElement} figure @param {string} title @param {string} small */
function describe(figure, title, small) {
  say(part(figure, "figcaption"), title);
  say(part(figure, "small"), small);
  part(figure, "canvas").setAttribute("aria-label", `${title}: ${small}`);
}

export default mount(Panel);
