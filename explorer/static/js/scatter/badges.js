// What lies above the points: pictures of the components' centres, the own picture, the ring around what is in focus.

import { element, part } from "../shared/dom.js";
import { sized } from "../shared/pictures.js";

/** @typedef {{ title: string, at: [number, number] }} Badge */
/** @typedef {{ kind: string, index?: number, at?: [number, number] }} Picked */

const SIZE = { usual: 34, small: 24 }; // pixels of a picture
const MANY = 24; // of them are small
const NARROW = 500; // pixels of a field in which they are small

export class Badges {
  /** @type {HTMLButtonElement[]} */
  buttons = [];
  made = "";

  /** @param {HTMLElement} field @param {(picked: Picked) => void} pick */
  constructor(field, pick) {
    this.pick = pick;
    this.node = part(field, ".badges");
    this.ring = part(field, ".ring");
    this.own = part(field, ".own");
    this.own.onclick = () => pick({ kind: "upload" });
  }

  /** @param {Badge[]} badges @param {string} key of the map */
  show(badges, key) {
    const made = JSON.stringify([key, badges.map(({ title }) => title)]);
    if (this.made === made) return;
    this.made = made;
    this.buttons = badges.map(({ title }, index) => {
      const button = element("button", "", { type: "button", title, "aria-label": title }, element("canvas"));
      button.onclick = () => this.pick({ kind: "centre", index });
      return button;
    });
    this.node.replaceChildren(...this.buttons);
  }

  /** Paint the decoded centres, which lie side by side in one picture. @param {Uint8Array} png @param {import("../shared/live.js").Shape} shape */
  async paint(png, [, height, width]) {
    const sheet = await createImageBitmap(new Blob([/** @type {BlobPart} */ (png)], { type: "image/png" }));
    for (const [index, button] of this.buttons.entries())
      sized(part(button, "canvas"), width, height).drawImage(
        sheet,
        index * width,
        0,
        width,
        height,
        0,
        0,
        width,
        height,
      );
  }

  /** @param {import("./view.js").View} view @param {Badge[]} badges @param {{ kind: string, index: number, at: number[] }} focus @param {number[]} own */
  place(view, badges, focus, own) {
    const put = (/** @type {HTMLElement} */ node, /** @type {number[]} */ at, /** @type {number} */ size) => {
      node.hidden = at.length !== 2;
      if (node.hidden) return;
      const [x, y] = view.pixel(at[0], at[1]);
      node.style.transform = `translate(${x - size / 2}px, ${y - size / 2}px)`;
    };
    const side = this.buttons.length > MANY || view.width < NARROW ? SIZE.small : SIZE.usual;
    this.node.style.setProperty("--size", `${side}px`);
    for (const [index, button] of this.buttons.entries()) {
      put(button, badges[index].at, side);
      button.setAttribute("aria-current", String(focus.kind === "centre" && focus.index === index));
    }
    put(this.ring, focus.kind === "centre" || focus.kind === "upload" ? [] : focus.at, 22);
    put(this.own, own, 30);
  }
}
