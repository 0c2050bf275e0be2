// A ring on the Plotly map around the point that the panel shows. It moves with pan and zoom, which a trace could not do
// without building the chart anew; where Plotly's axes cannot be read there is simply no ring.

import { element, mount } from "../shared/dom.js";

/** @typedef {{ chart: string, at: number[], colour: string, ground: string }} Data as `pin` in explorer/components/gallery */
/** @typedef {{ l2p?(value: number): number, _length: number, _offset: number }} PlotlyAxis */
/** @typedef {HTMLElement & { on(name: string, act: () => void): void, _fullLayout?: { xaxis?: PlotlyAxis, yaxis?: PlotlyAxis } }} Chart */

const STYLE =
  "position: absolute; width: 22px; height: 22px; margin: -11px 0 0 -11px; border-radius: 50%; pointer-events: none; " +
  "box-sizing: border-box; z-index: 5";

class Pin {
  /** @type {Data} */
  data = /** @type {any} */ (null);
  /** @type {Chart | null} */
  chart = null;

  constructor() {
    this.ring = element("div", "gwae-pin", { style: STYLE });
    this.timer = setInterval(() => this.attach(), 150); // the chart comes and goes: a colour, a theme, a navigation
  }

  /** @param {Data} data */
  update(data) {
    this.data = data;
    const { colour, ground } = data;
    const boxShadow = `0 0 0 2px ${ground}, inset 0 0 0 2px ${ground}`;
    Object.assign(this.ring.style, { border: `3px solid ${colour}`, boxShadow });
    this.attach();
    this.place();
  }

  attach() {
    /** @type {Chart | null} */
    const chart = document.querySelector(`.st-key-${this.data.chart} .js-plotly-plot`);
    if (!chart?._fullLayout?.xaxis || chart === this.chart) return;
    this.chart = chart;
    for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"]) {
      chart.on(event, () => chart === this.chart && this.place());
    }
    this.place();
  }

  place() {
    const { xaxis, yaxis } = this.chart?._fullLayout ?? {};
    const box = this.chart?.querySelector(".svg-container");
    if (!box || !xaxis?.l2p || !yaxis?.l2p || !this.data.at.length) return this.ring.remove();
    const [x, y] = [xaxis.l2p(this.data.at[0]), yaxis.l2p(this.data.at[1])];
    const inside = x >= 0 && y >= 0 && x <= xaxis._length && y <= yaxis._length;
    if (!inside) return this.ring.remove();
    Object.assign(this.ring.style, { left: `${xaxis._offset + x}px`, top: `${yaxis._offset + y}px` });
    if (this.ring.parentElement !== box) box.append(this.ring);
  }

  close() {
    clearInterval(this.timer);
    this.ring.remove();
    this.chart = null;
  }
}

export default mount(Pin);
