// Colours of differences, and of the page.

// ColorBrewer RdBu without its middle: too little is blue, too much is red, and no difference is the page itself.
const LIGHT = ["#2166ac", "#f7f7f7", "#b2182b"].map(parseColour);
const DARK = ["#4393c3", "#1d2128", "#d6604d"].map(parseColour);

/** Return the colour of a difference in [-1, 1]. @param {number} value @param {boolean} dark @returns {number[]} */
export function diverging(value, dark) {
  const [below, zero, above] = dark ? DARK : LIGHT;
  const strength = Math.min(1, Math.abs(value)) ** 0.7; // small differences stay visible
  const end = value < 0 ? below : above;
  return zero.map((from, i) => Math.round(from + strength * (end[i] - from)));
}

/** Return red, green and blue of "#1d2128" or "rgb(29, 33, 40)"; of anything else white. @param {string} text */
export function parseColour(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  const parts = hex ? hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) : text.match(/[\d.]+/g)?.map(Number);
  return parts && parts.length > 2 ? parts.slice(0, 3) : [255, 255, 255];
}

/** Return whether the page is dark, judged by the background Streamlit hands to components. @param {Element} element */
export function isDark(element) {
  const [red, green, blue] = parseColour(getComputedStyle(element).getPropertyValue("--st-background-color").trim());
  return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
}
