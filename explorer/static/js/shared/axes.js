// The list of a model's axes.

import { part, say } from "./dom.js";
import { axesText } from "./numbers.js";

/** Return "z3, object hue (0.91)". @param {{ i: number, carries: string }} axis */
export const axisLabel = ({ i, carries }) => (carries ? `z${i}, ${carries}` : `z${i}`);

/** Show the rows of axes that have an effect, and fold the others away. @param {ParentNode} root @param {{ node: HTMLElement, axis: { live: boolean } }[]} rows @param {string} note */
export function fillAxes(root, rows, note = "") {
  const nodes = (/** @type {boolean} */ live) => rows.filter(({ axis }) => axis.live === live).map(({ node }) => node);
  const [live, dead] = [nodes(true), nodes(false)];
  part(root, ".axes.live").replaceChildren(...live);
  part(root, ".dead .axes").replaceChildren(...dead);
  const details = part(root, "details");
  details.hidden = !dead.length;
  details.open = !live.length; // nothing else to show
  say(part(details, "summary"), `${axesText(dead.length)} without visible effect${note}`);
}
