// What a component draws as a labelled file: a copy of its elements, with its canvases as pictures, inside an SVG.

import { element, setAttributes, svg } from "./dom.js";
import { announce } from "./live.js";

export const HEAD = 30; // pixels above a figure, for the label
export const SCALE = 2;
const MARGIN = 8;
const [NAMESPACE, MARKED] = ["http://www.w3.org/1999/xhtml", "[data-figure]"];

/** Return an SVG of the page's colours that is empty but for its label. @param {number} width @param {number} height @param {string} label */
export function labelled(width, height, label) {
  const app = document.querySelector("[data-testid=stApp]") ?? document.body;
  const { backgroundColor, color } = getComputedStyle(app);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height + HEAD}`, width, height: height + HEAD });
  root.append(svg("rect", { width: "100%", height: "100%", fill: backgroundColor }));
  const font = { "font-size": 13, "font-family": "Source Sans, Arial, sans-serif", "font-weight": 600 };
  root.append(svg("text", { x: 8, y: 20, fill: color, ...font }, label));
  return root;
}

/** Return what components have marked as their figures, as far as it can be seen. @param {ParentNode} root @returns {HTMLElement[]} */
export function figures(root = document) {
  const hosts = [...root.querySelectorAll("*")].filter(({ shadowRoot }) => shadowRoot);
  const marked = hosts.flatMap((host) => [.../** @type {ShadowRoot} */ (host.shadowRoot).querySelectorAll(MARKED)]);
  return /** @type {HTMLElement[]} */ (marked).filter((each) => each.checkVisibility() && each.clientHeight > 20);
}

/** Return a figure below its label, as SVG. @param {HTMLElement} figure @param {string} label */
export function copied(figure, label) {
  announce("sharp", undefined); // canvases are painted at double size
  const { width, height } = figure.getBoundingClientRect();
  const copy = /** @type {HTMLElement} */ (figure.cloneNode(true));
  freeze(figure, copy);
  for (const node of copy.querySelectorAll("[hidden], [data-control]")) node.remove();
  const css = sheet(/** @type {ShadowRoot} */ (figure.getRootNode()));
  const style = getComputedStyle(figure);
  const names = new Set(css.match(/--st-[\w-]+/g));
  const known = (/** @type {string} */ name) => style.getPropertyValue(name).replace("sans-serif", "Arial, sans-serif");
  const values = [...names].map((name) => `${name}: ${known(name)}`); // an SVG has no fonts of the page
  const body = element("div", "", {
    xmlns: NAMESPACE,
    style: `font: ${style.font}; color: ${style.color}; ${values.join("; ")}`,
  });
  body.append(element("style", "", {}, css), copy);
  const frame = svg("foreignObject", { x: MARGIN, y: HEAD, width, height });
  frame.append(body);
  const root = labelled(width + 2 * MARGIN, height + MARGIN, label);
  root.append(frame);
  return new XMLSerializer().serializeToString(root);
}

/** Write into a copy what only the page knows: what canvases show, where sliders stand, and how large both are. @param {HTMLElement} from @param {HTMLElement} to */
function freeze(from, to) {
  const kinds = "canvas, svg, input, .field";
  const copies = to.querySelectorAll(kinds);
  for (const [place, node] of from.querySelectorAll(kinds).entries()) {
    const copy = /** @type {HTMLElement} */ (copies[place]);
    if (node instanceof HTMLInputElement) copy.setAttribute("value", node.value);
    const { offsetHeight } = /** @type {HTMLElement} */ (node);
    if (offsetHeight) copy.style.height = `${offsetHeight}px`; // a share of the window's height means another one there
    if (!(node instanceof HTMLCanvasElement) || !node.width || !node.height) continue;
    const { display, objectFit } = getComputedStyle(node);
    if (display === "inline") copy.style.display = "inline-block"; // without scripts a canvas is no picture, but text
    copy.style.background = `url(${node.toDataURL()}) center / ${objectFit === "contain" ? "contain" : "100% 100%"} no-repeat`;
  }
}

/** Return the style sheet of a component. @param {ShadowRoot} root */
function sheet(root) {
  const written = [...root.querySelectorAll("style")].map((style) => style.textContent);
  const adopted = root.adoptedStyleSheets.flatMap(({ cssRules }) => [...cssRules].map(({ cssText }) => cssText));
  return [...written, ...adopted].join("\n");
}

/** Return an SVG drawn into a PNG at double size. @param {string} drawn @returns {Promise<Blob | null>} */
export async function png(drawn) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(drawn)}`; // a blob with HTML inside may not be read back
  await image.decode();
  const canvas = element("canvas");
  setAttributes(canvas, { width: SCALE * image.naturalWidth, height: SCALE * image.naturalHeight });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Return a name for a file: letters, digits and dashes of the label. @param {string} label @param {string | number} part @param {string} ending */
export const fileName = (label, part, ending) =>
  `${`${label}-${part}`.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "")}.${ending}`;

/** Hand a file to the user. @param {Blob} content @param {string} name */
export function save(content, name) {
  const link = element("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
