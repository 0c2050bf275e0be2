// Many axes: the strongest ones and those that were moved stand there, the others on demand or by name.

import { part, say } from "../shared/dom.js";

/** @typedef {{ node: HTMLElement, axis: { i: number, live: boolean, carries: string } }} Row */

const MANY = 16; // up to here all axes with an effect are shown
const STEP = 8;

/**
 * Return the axes to show: those that a search names, else the first `count` and those that were moved.
 *
 * @param {Row["axis"][]} axes by falling effect
 * @param {number} count
 * @param {Set<number>} moved
 * @param {string} search
 */
export function chosen(axes, count, moved, search) {
  const wanted = search.trim().toLowerCase();
  const named = (/** @type {Row["axis"]} */ { i, carries }) =>
    `z${i}` === wanted || String(i) === wanted || (carries ?? "").toLowerCase().includes(wanted);
  return axes.filter((axis, rank) => (wanted ? named(axis) : rank < count || moved.has(axis.i))).map(({ i }) => i);
}

export class Fold {
  /** @type {Row[]} */
  rows = [];
  /** @type {Set<number>} */
  moved = new Set();
  count = STEP;
  /** @type {Record<string, string>} of the user, by axis */
  names = {};

  /** @param {HTMLElement} root */
  constructor(root) {
    this.bar = part(root, ".many");
    this.search = part(this.bar, "input");
    this.next = part(this.bar, ".next");
    this.all = part(this.bar, ".all");
    this.search.oninput = () => this.show();
    this.next.onclick = () => this.grow(STEP);
    this.all.onclick = () => this.grow(Infinity);
  }

  /** Take another model's rows. @param {Row[]} rows by falling effect */
  fill(rows) {
    this.rows = rows.filter(({ axis }) => axis.live);
    this.count = this.rows.length > MANY ? STEP : Infinity;
    this.search.value = "";
    this.bar.hidden = this.rows.length <= MANY;
    this.show();
  }

  /** Axes that were moved are never folded away. @param {number[]} moved */
  keep(moved) {
    if (moved.length === this.moved.size && moved.every((axis) => this.moved.has(axis))) return;
    this.moved = new Set(moved);
    this.show();
  }

  /** @param {number} step */
  grow(step) {
    this.count += step;
    this.show();
  }

  show() {
    const named = (/** @type {Row["axis"]} */ axis) => ({
      ...axis,
      carries: `${this.names[axis.i] ?? ""} ${axis.carries}`,
    });
    const axes = this.rows.map(({ axis }) => named(axis));
    const shown = new Set(chosen(axes, this.count, this.moved, this.search.value));
    for (const { node, axis } of this.rows) node.hidden = !shown.has(axis.i);
    const left = this.search.value.trim() ? 0 : axes.length - shown.size;
    this.next.hidden = this.all.hidden = left <= 0;
    say(this.next, left > STEP ? `Show the next ${STEP === 8 ? "eight" : STEP}` : `Show the last ${left}`);
    say(this.all, `Show all ${axes.length}`);
    say(
      part(this.bar, "small"),
      this.search.value.trim() && !shown.size
        ? "no such axis"
        : `${shown.size} of ${axes.length} axes, strongest first`,
    );
  }
}
