// The distortion of all pairs as bars: how far the line lies above their picture distances.

import { countPainted, mount, part, svg } from "../shared/dom.js";
import { Scale } from "../threshold/scale.js";

/** @typedef {{ counts: number[], low: number, high: number, name: string }} Data as `Histogram` in explorer/components/pairs */

const BOTTOM = 44; // pixels below the bars
const TICKS = 5;

class Histogram {
  /** @type {Data} */
  data = /** @type {any} */ (null);

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".pairs");
    this.svg = part(this.root, ".plot");
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.svg);
  }

  close() {
    this.resized.disconnect();
  }

  /** @param {Data} data */
  update(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.svg;
    if (!width || !this.data) return;
    const { counts, low, high, name } = this.data;
    const [floor, most, step] = [height - BOTTOM, Math.max(1, ...counts), width / counts.length];
    const scale = new Scale({ low, high, scale: 0 });
    const bars = counts.map((count, at) => {
      const tall = (floor * count) / most;
      const bar = svg("rect", { class: "bar", x: at * step, y: floor - tall, width: 0.94 * step, height: tall });
      const [from, to] = [at, at + 1].map((edge) => Math.round(100 * (low + ((high - low) * edge) / counts.length)));
      bar.append(svg("title", {}, `${from} to ${to} %: ${count.toLocaleString("en")} pairs`));
      return bar;
    });
    const ticks = scale
      .evenTicks(TICKS)
      .map((value) => svg("text", { x: scale.place(value) * width, y: floor + 17 }, `${Math.round(100 * value)} %`));
    const zero = scale.place(0) * width;
    this.svg.setAttribute("aria-label", `Histogram: ${name}`);
    this.svg.replaceChildren(
      ...bars,
      svg("line", { class: "base", x1: 0, x2: width, y1: floor, y2: floor }),
      svg("line", { class: "zero", x1: zero, x2: zero, y1: 0, y2: floor }),
      ...ticks,
      svg("text", { x: width / 2, y: floor + 38 }, name),
    );
    countPainted(this.root);
  }
}

export default mount(Histogram);
