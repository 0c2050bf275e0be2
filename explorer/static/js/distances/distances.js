// The first screen: three steps, each with a link of its own. Nothing here waits for the server.

import { mount, part, say } from "../shared/dom.js";
import { listen } from "../shared/live.js";
import { floatsOf, numbersOf } from "../shared/pictures.js";
import { Axis } from "./axis.js";
import { Pairs } from "./pairs.js";
import { rowsOf } from "./ranks.js";
import { Uses } from "./uses.js";

/**
 * @typedef {object} Data as `Distances` in explorer/components/distances
 * @property {string} step
 * @property {number} sequence
 * @property {string[]} names
 * @property {string} pictures
 * @property {import("../shared/live.js").Shape} shape
 * @property {string[]} labels
 * @property {{ name: string, kind: string, whole: string, codes: string, places: string }[]} models
 * @property {string} hash
 * @property {import("./uses.js").Claim[]} claims
 */

class Distances {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  shown = "";
  step = "";
  sequence = 0;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".distances");
    this.pairs = new Pairs(part(this.root, ".pairs"));
    this.axis = new Axis(part(this.root, ".axis"));
    this.uses = new Uses(part(this.root, ".uses"), (link) => this.tell("opened", link));
    this.stop = listen({ decoder: () => this.prepare(), later: () => this.prepare() });
  }

  close() {
    this.stop();
    this.pairs.close();
  }

  /** @param {Data} data */
  update(data) {
    const { step, sequence, ...content } = data;
    if (this.shown !== JSON.stringify(content)) this.fill(data);
    this.shown = JSON.stringify(content);
    if (sequence >= this.sequence) this.go(step, sequence); // an answer to an earlier step says nothing
    this.root.dataset.ready = "true";
  }

  /** @param {Data} data */
  fill({ names, pictures, shape, labels, models, hash, claims }) {
    const rows = rowsOf(floatsOf(pictures), shape[0] * shape[1] * shape[2]);
    const [vae, gwae] = models.map(({ kind, whole, codes, places }) => {
      const of = (/** @type {string} */ base64, /** @type {number} */ width) => rowsOf(numbersOf(base64), width);
      return { kind, whole, codes: of(codes, numbersOf(codes).length / labels.length), places: of(places, 2) };
    });
    this.names = names;
    for (const [at, link] of this.links().entries()) this.wire(link, names[at]);
    this.pairs.update(rows, labels, shape, [vae, gwae]);
    this.axis.update(hash, gwae.codes, rows, labels, shape);
    this.uses.update(claims);
  }

  links() {
    return /** @type {NodeListOf<HTMLAnchorElement>} */ (this.root.querySelectorAll("a[data-step]"));
  }

  /** A step is a link: it can be copied and opened in a tab of its own. @param {HTMLAnchorElement} link @param {string} name */
  wire(link, name) {
    const address = new URL(location.href);
    address.searchParams.delete("step");
    const step = link.dataset.step || name;
    if (step !== this.names?.[0]) address.searchParams.set("step", step);
    link.href = address.href;
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.go(step, this.sequence + 1);
      this.tell("stepped", { step, sequence: this.sequence });
      part(this.root, `nav a[data-step=${step}]`).focus();
    };
  }

  /** @param {string} step @param {number} sequence */
  go(step, sequence) {
    this.sequence = sequence;
    this.step = step;
    this.root.dataset.step = step;
    for (const link of this.root.querySelectorAll("nav a")) {
      if (/** @type {HTMLElement} */ (link).dataset.step === step) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
    for (const panel of this.root.querySelectorAll("section")) panel.hidden = panel.dataset.step !== step;
    say(part(this.root, ".pairs .spoken"), "");
  }

  prepare() {
    if (!this.shown) return;
    this.axis.prepare();
    this.uses.prepare();
  }
}

export default mount(Distances);
