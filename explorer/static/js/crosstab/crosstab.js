// A table of counts whose cells can be opened; a cell is coloured by its share of the row.

import { element, mount, part } from "../shared/dom.js";

/**
 * @typedef {object} Data as explorer/components/crosstab sends it
 * @property {number[][]} counts
 * @property {string[]} rows
 * @property {string[]} columns
 * @property {[string, string]} titles
 * @property {[number, number] | null} picked
 */

const STRONG = 0.55; // share from which dark letters turn light, and light ones dark
const SHORT = 3; // letters of a name that fits above its column on a phone

/** Return counts as shares of their row. @param {number[]} row */
export function shares(row) {
  const sum = row.reduce((a, b) => a + b, 0);
  return row.map((count) => (sum ? count / sum : 0));
}

class Crosstab {
  /** @type {import("../shared/dom.js").Tell} */
  tell = () => {};
  shown = "";

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = part(parent, ".crosstab");
  }

  close() {}

  /** @param {Data} data */
  update(data) {
    const shown = JSON.stringify(data);
    if (this.shown === shown) return;
    this.shown = shown;
    const { counts, rows, columns, titles } = data;
    const head = (/** @type {string} */ text, scope = "col", kind = "") => element("th", kind, { scope }, text);
    const over = element("th", "", { colspan: columns.length }, titles[1]);
    const names = element(
      "tr",
      "",
      {},
      head(titles[0]),
      ...columns.map((name) => head(name, "col", name.length > SHORT ? "long" : "")),
    );
    const body = counts.map((row, place) => {
      return element("tr", "", {}, head(rows[place], "row"), ...row.map((_, column) => this.cell(data, place, column)));
    });
    const top = element("thead", "", {}, element("tr", "", {}, element("td"), over), names);
    this.root.replaceChildren(
      element("table", "", { style: `--columns: ${columns.length}` }, top, element("tbody", "", {}, ...body)),
    );
  }

  /** @param {Data} data @param {number} row @param {number} column */
  cell({ counts, rows, columns, titles, picked }, row, column) {
    const [count, share] = [counts[row][column], shares(counts[row])[column]];
    const cell = element("td", share > STRONG ? "strong" : "", { style: `--share: ${share.toFixed(3)}` });
    if (!count) return cell;
    const number = count.toLocaleString("en");
    const title = `${titles[0]} ${rows[row]}, ${titles[1]} ${columns[column]}: ${number} (${Math.round(100 * share)} % of the row)`;
    const button = element("button", "", { type: "button", title, "aria-label": title }, number);
    button.setAttribute("aria-pressed", String(picked?.[0] === row && picked[1] === column));
    button.onclick = () => this.tell("picked", [row, column]);
    cell.append(button);
    return cell;
  }
}

export default mount(Crosstab);
