// Brings to the browser what the models are needed for.

import { offerLater } from "./later.js";

/** @param {import("../shared/dom.js").Component<import("./later.js").Later>} component */
export default function ({ data }) {
  offerLater(data);
}
