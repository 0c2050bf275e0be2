// The plot of all pairs: how different two pictures are across, how far apart their places are up.

import { svg } from "../shared/dom.js";

const NEAR = 0.06; // of the plot's width: how near the pointer must come to a dot
const INSET = 0.04; // between the outermost dots and the frame

export class Plot {
  /** @type {SVGCircleElement[]} */
  dots = [];
  /** @type {number[]} */
  x = [];
  /** @type {number[]} */
  y = [];

  /** @param {HTMLElement} field @param {(pair: number) => void} pick hears of the pair below the pointer, -1 for none */
  constructor(field, pick) {
    this.field = field;
    this.svg = svg("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" });
    const line = svg("line", { x1: place(0), y1: 1 - place(0), x2: place(1), y2: 1 - place(1), class: "equal" });
    this.dotted = svg("g");
    this.svg.append(line, this.dotted);
    field.append(this.svg);
    field.onpointermove = field.onpointerdown = (event) => pick(this.nearest(event));
    field.onpointerleave = () => pick(-1);
  }

  /** Return the pair whose dot is below the pointer, or -1. @param {PointerEvent} event */
  nearest(event) {
    const box = this.field.getBoundingClientRect();
    const [px, py] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    let [best, found] = [NEAR, -1];
    for (let pair = 0; pair < this.x.length; pair++) {
      const apart = Math.hypot(place(this.x[pair]) - px, place(this.y[pair]) - py);
      if (apart < best) [best, found] = [apart, pair];
    }
    return found;
  }

  /** Show a dot for each pair; both coordinates are shares from 0 to 1. @param {number[]} x @param {number[]} y */
  show(x, y) {
    [this.x, this.y] = [x, y];
    while (this.dots.length < x.length) this.dots.push(svg("circle"));
    this.dots.length = x.length;
    if (this.dotted.childElementCount !== x.length) this.dotted.replaceChildren(...this.dots);
    for (const [pair, dot] of this.dots.entries()) {
      dot.setAttribute("cx", place(x[pair]).toFixed(4));
      dot.setAttribute("cy", (1 - place(y[pair])).toFixed(4));
    }
  }

  /** Light some pairs up, which dims all others; an empty list lights all. @param {Set<number>} pairs */
  light(pairs) {
    this.dotted.classList.toggle("some", pairs.size > 0);
    for (const [pair, dot] of this.dots.entries()) dot.classList.toggle("lit", pairs.has(pair));
  }
}

/** @param {number} share */
const place = (share) => INSET + share * (1 - 2 * INSET);
