// What the colours mean; choosing entries sets their points off from the others.

import { element } from "../shared/dom.js";

/** @typedef {{ name: string, colour: number }} Entry */
/** @typedef {{ title: string, entries: Entry[], more: number, scale: { low: string, high: string } | null }} Meaning */

export class Legend {
  /** @type {Set<number>} numbers of the chosen colours */
  chosen = new Set();
  shown = "";

  /** @param {HTMLElement} node @param {() => void} changed */
  constructor(node, changed) {
    this.node = node;
    this.changed = changed;
  }

  /** @param {Meaning} meaning @param {string[]} palette */
  show(meaning, palette) {
    const shown = JSON.stringify([meaning, palette]);
    if (this.shown === shown) return;
    this.shown = shown;
    this.chosen.clear();
    this.node.setAttribute("aria-label", `Colours: ${meaning.title}`);
    const name = element("span", "name", {}, meaning.title);
    const { scale } = meaning;
    if (scale) {
      const bar = element("span", "scale", { style: `--scale: linear-gradient(to right, ${palette.join(", ")})` });
      this.node.replaceChildren(name, scale.low, bar, scale.high);
      return;
    }
    const entries = meaning.entries.map((entry) => this.entry(entry, palette));
    const rest = meaning.more ? [element("span", "name", {}, `and ${meaning.more} more`)] : [];
    this.node.replaceChildren(name, ...entries, ...rest);
  }

  /** @param {Entry} entry @param {string[]} palette */
  entry({ name, colour }, palette) {
    const dot = element("i", "", { style: `--colour: ${palette[colour]}` });
    const button = element(
      "button",
      "",
      { type: "button", title: `Set off ${name}` },
      dot,
      element("span", "", {}, name),
    );
    button.setAttribute("aria-pressed", "false");
    button.onclick = () => {
      if (!this.chosen.delete(colour)) this.chosen.add(colour);
      button.setAttribute("aria-pressed", String(this.chosen.has(colour)));
      for (const other of this.node.querySelectorAll("button")) other.classList.toggle("some", this.chosen.size > 0);
      this.changed();
    };
    return button;
  }
}
