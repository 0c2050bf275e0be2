// What each score finds at one false-alarm rate, as bars; the one that finds most is on top.

import { element, say, setAttributes, svg } from "../shared/dom.js";
import { percent } from "../shared/numbers.js";

/** @typedef {import("./race.js").Line} Line */

const ROW = 42; // pixels from one bar to the next

/** Return the places of the lines, 0 on top: the larger share of outliers first, equal ones as they come. @param {{ found: number[], outliers: number }[]} lines @param {number} at */
export function ranking(lines, at) {
  const shares = lines.map((line) => line.found[at] / Math.max(1, line.outliers));
  const order = lines.map((_, i) => i).sort((a, b) => shares[b] - shares[a] || a - b);
  return lines.map((_, i) => order.indexOf(i));
}

export class Bars {
  /** @type {Line[]} */
  lines = [];
  /** @type {HTMLButtonElement[]} */
  nodes = [];

  /** @param {HTMLElement} root @param {(key: string) => void} choose */
  constructor(root, choose) {
    this.root = root;
    this.choose = choose;
  }

  /** @param {{ lines: Line[], focus: string }} data */
  update({ lines, focus }) {
    const same = lines.length === this.lines.length && lines.every((line, i) => line.key === this.lines[i].key);
    this.lines = lines;
    if (!same) {
      this.nodes = lines.map((line) => this.row(line));
      this.root.replaceChildren(...this.nodes);
      this.root.style.height = `${ROW * lines.length}px`;
    }
    for (const [i, { key, colour, dash }] of lines.entries()) {
      const [swatch, , , track] = this.nodes[i].children;
      this.nodes[i].setAttribute("aria-pressed", String(key === focus));
      swatch.replaceChildren(
        svg("line", { x1: 0, x2: 26, y1: 6, y2: 6, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }),
      );
      /** @type {HTMLElement} */ (track.firstElementChild).style.background = colour;
    }
  }

  /** @param {Line} line */
  row({ key, title, auroc, baseline }) {
    const text = element("span", "title", { title }, title, " ", element("small", "", {}, detail(auroc, baseline)));
    const track = element("span", "track", {}, element("div", "fill"));
    const node = element("button", "bar", { type: "button" }, text, element("span", "found"), track);
    node.prepend(svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }));
    node.onclick = () => this.choose(key);
    return node;
  }

  /** @param {number} at place of the rate */
  follow(at) {
    const ranks = ranking(this.lines, at);
    for (const [i, line] of this.lines.entries()) {
      const share = line.found[at] / Math.max(1, line.outliers);
      const [, , found, track] = this.nodes[i].children;
      say(/** @type {HTMLElement} */ (found), percent(share));
      /** @type {HTMLElement} */ (track.firstElementChild).style.width = `${100 * share}%`;
      this.nodes[i].style.transform = `translateY(${ROW * ranks[i]}px)`;
      setAttributes(this.nodes[i], { "data-found": line.found[at], "data-alarms": line.alarms[at] });
    }
  }
}

/** @param {string} auroc @param {boolean} baseline */
const detail = (auroc, baseline) => `${baseline ? "baseline · " : ""}AUROC ${auroc}`;
