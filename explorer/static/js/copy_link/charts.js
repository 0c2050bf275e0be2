// The charts of the page as labelled files. Plotly writes all of its style into its SVG, so a copy looks like the chart.

import { setAttributes, svg } from "../shared/dom.js";

const HEAD = 30; // pixels above the chart, for the label
const SCALE = 2;

/** Return the charts that can be seen. */
export const charts = () =>
  [...document.querySelectorAll(".js-plotly-plot")].filter(
    (plot) => plot.checkVisibility() && plot.querySelector(".main-svg"),
  );

/** Return a chart below its label, as SVG at double size. @param {Element} plot @param {string} label */
export function drawing(plot, label) {
  const { width, height } = plot.getBoundingClientRect();
  const app = document.querySelector("[data-testid=stApp]") ?? document.body;
  const { backgroundColor, color } = getComputedStyle(app);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height + HEAD}` });
  setAttributes(root, { width: SCALE * width, height: SCALE * (height + HEAD) });
  root.append(svg("rect", { width: "100%", height: "100%", fill: backgroundColor }));
  const text = {
    x: 8,
    y: 20,
    fill: color,
    "font-size": 13,
    "font-family": "Source Sans, sans-serif",
    "font-weight": 600,
  };
  root.append(svg("text", text, label));
  for (const layer of plot.querySelectorAll(".main-svg")) {
    const copy = /** @type {Element} */ (layer.cloneNode(true));
    setAttributes(copy, { x: 0, y: HEAD, width, height });
    root.append(copy);
  }
  return new XMLSerializer().serializeToString(root);
}

/** Return an SVG drawn into a PNG. @param {string} drawn @returns {Promise<Blob | null>} */
export async function png(drawn) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([drawn], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Return a name for a file: letters, digits and dashes of the label. @param {string} label @param {number} place @param {string} ending */
export const fileName = (label, place, ending) =>
  `${label.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "")}-${place + 1}.${ending}`;

/** Hand a file to the user. @param {Blob} content @param {string} name */
export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
