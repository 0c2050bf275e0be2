// The link of the view, which is the address, and the charts of the page as files.

import { mount, part, say } from "../shared/dom.js";
import { charts, drawing, fileName, png, save } from "./charts.js";

/** @typedef {{ label: string }} Data as `Share` in explorer/components/copy_link */

class Share {
  /** @type {Data} */
  data = { label: "" };

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".share");
    this.input = part(this.root, "input");
    this.said = part(this.root, ".said");
    this.input.onfocus = () => this.input.select();
    part(this.root, ".copy").onclick = () => this.copy();
    part(this.root, ".svg").onclick = () => this.save("svg");
    part(this.root, ".png").onclick = () => this.save("png");
  }

  close() {}

  /** @param {Data} data */
  update(data) {
    this.data = data;
    this.input.value = location.href;
    part(this.root, ".charts").hidden = !charts().length;
  }

  async copy() {
    this.input.value = location.href;
    this.input.select();
    try {
      await navigator.clipboard.writeText(location.href);
      say(this.said, "Copied.");
    } catch {
      say(this.said, document.execCommand("copy") ? "Copied." : "Select the link above and copy it.");
    }
  }

  /** @param {"svg" | "png"} kind */
  async save(kind) {
    for (const [place, plot] of charts().entries()) {
      const drawn = drawing(plot, this.data.label);
      const content = kind === "svg" ? new Blob([drawn], { type: "image/svg+xml" }) : await png(drawn);
      if (content) save(content, fileName(this.data.label, place, kind));
    }
  }
}

export default mount(Share);
