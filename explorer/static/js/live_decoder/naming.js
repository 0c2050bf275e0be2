// The box below a slider in which its axis is named, with its picture at the low end, now and at the high end.

import { decodeNow, decoderOf } from "../shared/decoder.js";
import { element, say } from "../shared/dom.js";
import { paintPicture } from "../shared/pictures.js";
import { delayed } from "../shared/reports.js";

/** @typedef {import("./slider.js").Slider} Slider */
/** @typedef {{ model: string, shape: import("../shared/live.js").Shape, names: Record<string, string> }} Data */

const LONGEST = 32; // as in trainer/manage/axis_names.py
const PLACES = ["low", "now", "high"];
const WAIT = 120; // ms without a change before the ends are decoded

/** Return the code with one axis at another value. @param {Float32Array} z @param {number} axis @param {number} value */
export const withAxis = (z, axis, value) => z.map((old, i) => (i === axis ? value : old));

export class Naming {
  /** @type {Slider | null} */
  slider = null;
  /** @type {Data} */
  data = /** @type {any} */ (null);
  z = new Float32Array();
  others = ""; // the other axes' values at which the ends were decoded

  /** @param {(axis: number, name: string) => void} report */
  constructor(report) {
    this.report = report;
    this.input = element("input", "", { type: "text", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
    const save = element("button", "save", { type: "button" }, "Save name");
    this.canvases = PLACES.map((place) => element("canvas", "", { role: "img", "aria-label": `Picture, ${place}` }));
    const strip = this.canvases.map((canvas, i) =>
      element("figure", "", {}, canvas, element("small", "", {}, PLACES[i])),
    );
    this.note = element("small", "without");
    this.box = element("div", "naming", { role: "group" });
    this.box.append(element("div", "strip", {}, ...strip, this.note), element("div", "entry", {}, this.input, save));
    save.onclick = () => this.save();
    this.box.onkeydown = (event) => this.key(event);
    this.ends = delayed(() => this.decodeEnds(), WAIT);
  }

  /** Open the box below a slider, or close it there. @param {Slider} slider @param {Float32Array | null} pixels of the picture now @param {Data} data @param {Float32Array} z */
  open(slider, pixels, data, z) {
    const again = this.slider === slider;
    this.close();
    if (again) return;
    this.slider = slider;
    const { i } = slider.axis;
    this.input.value = data.names[i] ?? "";
    this.input.placeholder = `What does z${i} change?`;
    this.input.setAttribute("aria-label", `Name of axis ${i}`);
    this.box.setAttribute("aria-label", `Name axis ${i}`);
    slider.node.classList.add("open");
    slider.name.setAttribute("aria-expanded", "true");
    slider.node.append(this.box);
    this.others = "";
    this.show(pixels, data, z);
    this.input.focus();
  }

  close() {
    this.ends.stop();
    this.box.remove();
    this.slider?.node.classList.remove("open");
    this.slider?.name.setAttribute("aria-expanded", "false");
    this.slider = null;
  }

  save() {
    const { slider } = this;
    if (!slider) return;
    this.close();
    slider.name.focus();
    this.report(slider.axis.i, this.input.value);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    if (event.key === "Enter" && event.target === this.input) {
      event.preventDefault(); // else it also presses the button that gets the focus
      this.save();
    }
    if (event.key !== "Escape") return;
    const { slider } = this;
    this.close();
    slider?.name.focus();
  }

  /** Show the picture now, and the ends where the other axes have moved. @param {Float32Array | null} pixels @param {Data} data @param {Float32Array} z */
  show(pixels, data, z) {
    this.data = data;
    this.z = z.slice();
    if (!this.slider) return;
    if (pixels) paintPicture(this.canvases[1], pixels, data.shape);
    const others = withAxis(this.z, this.slider.axis.i, 0).join();
    if (others === this.others) return;
    this.others = others;
    this.ends.start();
  }

  async decodeEnds() {
    const { slider, data, z, canvases } = this;
    if (!slider) return;
    const model = decoderOf(data.model);
    say(
      this.note,
      model && !model.failed
        ? ""
        : "Pictures follow when the decoder runs in this browser; the sheet below shows the axis.",
    );
    const { i, low, high } = slider.axis;
    for (const [canvas, value] of /** @type {const} */ ([
      [canvases[0], low],
      [canvases[2], high],
    ])) {
      const paint = (/** @type {Float32Array} */ pixels) => {
        if (this.slider === slider) paintPicture(canvas, pixels, data.shape);
      };
      await decodeNow(data.model, withAxis(z, i, value), paint).catch(() => {});
    }
    this.box.dataset.painted = "ends";
  }
}
