// The strip of pictures between two places of the map.

import { element, part, say } from "../shared/dom.js";
import { paintPicture } from "../shared/pictures.js";

const STEPS = 11;

/** @typedef {[number, number]} Place of the map */

export class Strip {
  /** @type {[Place, Place] | null} */
  ends = null;
  busy = false;
  stale = false;

  /**
   * @param {HTMLElement} node
   * @param {(at: Place, paint: (pixels: Float32Array, trust: number) => void) => Promise<unknown>} decode
   * @param {(at: Place) => void} pick
   */
  constructor(node, decode, pick) {
    this.node = node;
    this.decode = decode;
    this.frames = Array.from({ length: STEPS }, (_, step) => {
      const frame = element("button", "", { type: "button" }, element("canvas"));
      frame.onclick = () => pick(this.place(step));
      return frame;
    });
    part(node, ".frames").replaceChildren(...this.frames);
  }

  /** Return the place of a step. @param {number} step @returns {Place} */
  place(step) {
    const [[ax, ay], [bx, by]] = /** @type {[Place, Place]} */ (this.ends);
    const share = step / (STEPS - 1);
    return [ax + share * (bx - ax), ay + share * (by - ay)];
  }

  /** @param {Place} from @param {Place} to @param {import("../shared/live.js").Shape} shape */
  async show(from, to, shape) {
    this.ends = [from, to];
    this.node.hidden = false;
    this.stale = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.stale && this.ends) {
        this.stale = false;
        for (const step of this.frames.keys()) if (this.ends) await this.frame(step, shape);
      }
    } finally {
      this.busy = false;
    }
  }

  /** @param {number} step @param {import("../shared/live.js").Shape} shape */
  async frame(step, shape) {
    const frame = this.frames[step];
    const canvas = part(frame, "canvas");
    await this.decode(this.place(step), (pixels, trust) => {
      paintPicture(canvas, pixels, shape);
      canvas.style.opacity = String(0.2 + 0.8 * trust);
      const text = `${step + 1} of ${STEPS}, reliability ${trust.toFixed(2)}`;
      frame.title = text;
      frame.setAttribute("aria-label", text);
    });
  }

  hide() {
    this.ends = null;
    this.node.hidden = true;
    say(part(this.node, "p"), "");
  }
}
