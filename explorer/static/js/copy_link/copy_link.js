// The link of the view, which is the address, and the charts and pictures of the page as files.

import { mount, part, say } from "../shared/dom.js";
import { copied, figures, fileName, png, save } from "../shared/figures.js";
import { charts, drawing } from "./charts.js";

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
    part(this.root, ".svg").onclick = () => this.vectors();
    part(this.root, ".png").onclick = () => this.pictures();
  }

  close() {}

  /** @param {Data} data */
  update(data) {
    this.data = data;
    this.input.value = location.href;
    const [plots, drawn] = [charts().length, figures().length];
    part(this.root, ".svg").hidden = !plots;
    part(this.root, ".charts").hidden = !plots && !drawn;
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

  vectors() {
    for (const [place, plot] of charts().entries())
      save(new Blob([drawing(plot, this.data.label)], { type: "image/svg+xml" }), this.name(place + 1, "svg"));
  }

  async pictures() {
    const drawn = charts().map((plot) => drawing(plot, this.data.label));
    drawn.push(...figures().map((figure) => copied(figure, `${this.data.label}, ${figure.dataset.figure}`)));
    for (const [place, each] of drawn.entries()) {
      const content = await png(each);
      if (content) save(content, this.name(place + 1, "png"));
    }
  }

  /** @param {number} place @param {string} ending */
  name(place, ending) {
    return fileName(this.data.label, place, ending);
  }
}

export default mount(Share);
