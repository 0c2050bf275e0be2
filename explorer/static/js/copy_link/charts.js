// The charts of the page as labelled files. Plotly writes all of its style into its SVG, so a copy looks like the chart.

import { setAttributes } from "../shared/dom.js";
import { HEAD, labelled } from "../shared/figures.js";

/** Return the charts that can be seen. */
export const charts = () =>
  [...document.querySelectorAll(".js-plotly-plot")].filter(
    (plot) => plot.checkVisibility() && plot.querySelector(".main-svg"),
  );

/** Return a chart below its label, as SVG. @param {Element} plot @param {string} label */
export function drawing(plot, label) {
  const { width, height } = plot.getBoundingClientRect();
  const root = labelled(width, height, label);
  for (const layer of plot.querySelectorAll(".main-svg")) {
    const copy = /** @type {Element} */ (layer.cloneNode(true));
    setAttributes(copy, { x: 0, y: HEAD, width, height });
    root.append(copy);
  }
  return new XMLSerializer().serializeToString(root);
}
