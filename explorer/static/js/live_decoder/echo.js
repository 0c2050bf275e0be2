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

  constructor() {
    let latest = 0;
    const wanted = () => latest > this.shown && latest === live.sequence;
    const ask = delayed(() => wanted() && this.tell("behind", latest), PAUSE);
    const answered = (/** @type {number} */ sequence) => {
      latest = sequence;
      ask.start();
    };
    const deaf = listen({ answered });
    this.close = () => {
      ask.stop();
      deaf();
    };
  }

  /** @param {Data} data */
  update(data) {
    this.shown = data.sequence;
  }
}

export default mount(Echo);
