// Asks for the views below the panel once the picture of a release is on the screen: the picture comes first, alone.

import { mount } from "../shared/dom.js";
import { listen, live } from "../shared/live.js";
import { delayed } from "../shared/reports.js";

/** @typedef {{ sequence: number }} Data Number of the change that the views show. */

const PAUSE = 40; // ms: a drag that goes on, or a key that is held, will bring another picture soon

class Echo {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  shown = 0;
  answered = 0;

  constructor() {
    this.delayed = delayed(() => this.ask(), PAUSE);
    this.deaf = listen({
      answered: (sequence) => {
        this.answered = sequence;
        this.delayed.start();
      },
    });
  }

  /** @param {Data} data */
  update(data) {
    this.shown = data.sequence;
  }

  ask() {
    if (this.answered > this.shown && this.answered === live.sequence) this.tell("behind", this.answered);
  }

  close() {
    this.delayed.stop();
    this.deaf();
  }
}

export default mount(Echo);
