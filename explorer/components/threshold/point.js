// Two histograms and a threshold under the hand: every move is counted here, the server hears of the release.

const BINS = 72;
const TOP = 26; // room for the handle's label
const BOTTOM = 40; // and for the axis
const STEP = 1 / 240; // of the axis, for one press of an arrow key
const PATIENCE = 350; // ms after the last key until the server hears of it

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let point = instances.get(parentElement);
  if (!point) instances.set(parentElement, (point = new Point(parentElement.querySelector(".operating"))));
  point.report = (value) => setTriggerValue("moved", value);
  point.update(data);
  return () => {
    point.close();
    instances.delete(parentElement);
  };
}

class Point {
  constructor(root) {
    this.root = root;
    this.svg = root.querySelector("svg");
    this.handle = root.querySelector(".handle");
    this.svg.onpointerdown = (event) => this.grab(event);
    this.svg.onpointermove = (event) => this.held && this.drag(event);
    this.svg.onpointerup = () => this.release();
    this.svg.onpointercancel = () => this.release();
    this.handle.onkeydown = (event) => this.nudge(event);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.svg);
  }

  close() {
    this.resized.disconnect();
    clearTimeout(this.timer);
  }

  update(data) {
    const before = this.data;
    this.data = data;
    if (before?.ordinary !== data.ordinary) this.ordinary = floats(data.ordinary);
    if (before?.outliers !== data.outliers) this.outliers = floats(data.outliers);
    const elsewhere = before && (before.score !== data.score || before.ordinary !== data.ordinary);
    if (!this.held && (!this.waiting || elsewhere || data.threshold === this.threshold)) {
      this.threshold = data.threshold;
      this.waiting = false;
    }
    this.draw();
  }

  // ------------------------------------------------------------ the hand

  grab(event) {
    this.held = true;
    this.svg.setPointerCapture(event.pointerId);
    this.root.classList.add("dragging");
    this.handle.focus({ preventScroll: true });
    this.drag(event);
  }

  drag(event) {
    const box = this.svg.getBoundingClientRect();
    this.move((event.clientX - box.left) / box.width);
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.root.classList.remove("dragging");
    this.commit();
  }

  nudge(event) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    const end = { Home: 0, End: 1 }[event.key];
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    this.move(end ?? this.place(this.threshold) + step * STEP);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.commit(), PATIENCE);
  }

  move(share) {
    this.threshold = Number(this.value(Math.min(1, Math.max(0, share))).toPrecision(6));
    this.follow();
  }

  commit() {
    this.waiting = true; // an answer to an earlier release must not take the threshold back
    this.report(String(this.threshold));
  }

  // ------------------------------------------------------------ the axis

  bend(value) {
    return this.data.scale ? Math.asinh(value / this.data.scale) : value;
  }

  place(value) {
    const [low, high] = [this.bend(this.data.low), this.bend(this.data.high)];
    return Math.min(1, Math.max(0, (this.bend(value) - low) / (high - low)));
  }

  value(share) {
    const [low, high] = [this.bend(this.data.low), this.bend(this.data.high)];
    const bent = low + share * (high - low);
    return this.data.scale ? this.data.scale * Math.sinh(bent) : bent;
  }

  ticks(width) {
    const { low, high, scale } = this.data;
    const room = Math.max(2, Math.floor(width / 70));
    if (!scale) {
      const rough = (high - low) / room;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
      const first = Math.ceil(low / step);
      return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
    }
    const wanted = [0];
    for (let power = -6; power < 9; power++) wanted.push(10 ** power, -(10 ** power), 3 * 10 ** power, -3 * 10 ** power);
    const kept = [];
    for (const value of wanted.filter((value) => value >= low && value <= high).sort((a, b) => rank(a) - rank(b))) {
      if (kept.every((other) => Math.abs(this.place(other) - this.place(value)) * width > 46)) kept.push(value);
    }
    return kept;
  }

  // ------------------------------------------------------------ drawing

  draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.data) return;
    const height = this.svg.clientHeight;
    this.floor = height - BOTTOM;
    const bars = [this.shares(this.ordinary), this.shares(this.outliers)];
    const highest = Math.max(...bars.flat());
    for (const [name, shares] of [["ordinary", bars[0]], ["outliers", bars[1]]]) {
      this.svg.querySelector(`.bars.${name}`).setAttribute("d", outline(shares, width, this.floor, highest));
    }
    set(this.svg.querySelector(".base"), { x1: 0, x2: width, y1: this.floor, y2: this.floor });
    const marks = this.ticks(width).map((value) => {
      const x = this.place(value) * width;
      const anchor = x < 14 ? "start" : x > width - 14 ? "end" : "middle";
      return `<line x1="${x}" x2="${x}" y1="${this.floor}" y2="${this.floor + 4}"></line>
        <text x="${x}" y="${this.floor + 16}" style="text-anchor:${anchor}">${short(value)}</text>`;
    });
    this.svg.querySelector(".ticks").innerHTML = marks.join("");
    label(this.svg.querySelector(".axis"), width, height - 4, `${this.data.score} →`);
    label(this.svg.querySelector(".share"), 0, height - 4, `tallest bar ${percent(highest)} of its kind`);
    this.follow();
  }

  shares(scores) {
    const edges = Array.from({ length: BINS - 1 }, (_, i) => below(scores, this.value((i + 1) / BINS)));
    const counts = [0, ...edges].map((from, i) => (edges[i] ?? scores.length) - from);
    return counts.map((count) => count / Math.max(1, scores.length));
  }

  follow() {
    const width = this.svg.clientWidth;
    if (!width) return;
    const x = this.place(this.threshold) * width;
    set(this.svg.querySelector(".flagged"), { x, y: TOP, width: Math.max(0, width - x), height: this.floor - TOP });
    const [line, grip, ribs, text] = this.handle.children;
    const middle = TOP + (this.floor - TOP) / 2;
    set(line, { x1: x, x2: x, y1: TOP - 6, y2: this.floor });
    set(grip, { x: x - 6.5, y: middle - 13 });
    ribs.setAttribute("d", `M${x - 2} ${middle - 5}v10M${x + 2} ${middle - 5}v10`);
    const late = x > width / 2;
    label(text, late ? x - 8 : x + 8, 14, `threshold ${Number(this.threshold.toPrecision(4))}`);
    text.style.textAnchor = late ? "end" : "start";
    this.count();
  }

  count() {
    const at = Math.fround(this.threshold); // scores are float32, and so is the comparison on the server
    for (const [name, scores, title] of [
      ["ordinary", this.ordinary, this.data.names[0]],
      ["outliers", this.outliers, this.data.names[1]],
    ]) {
      const passed = below(scores, at, true);
      const [head, left, right] = this.root.querySelector(`tr.${name}`).children;
      head.textContent = title;
      fill(left, passed, scores.length);
      fill(right, scores.length - passed, scores.length);
    }
    set(this.handle, {
      "aria-valuemin": this.data.low,
      "aria-valuemax": this.data.high,
      "aria-valuenow": this.threshold,
      "aria-valuetext": `${Number(this.threshold.toPrecision(4))}: ${this.root.querySelector("tbody").innerText}`,
    });
    this.root.dataset.threshold = String(this.threshold);
  }
}

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** How many of the ascending values are below `limit` (or at it, where `equal`). */
function below(values, limit, equal = false) {
  let [from, to] = [0, values.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (values[middle] < limit || (equal && values[middle] === limit)) from = middle + 1;
    else to = middle;
  }
  return from;
}

function outline(shares, width, floor, highest) {
  const parts = shares.map((share, i) => {
    const y = floor - (share / highest) * (floor - TOP);
    return `L${((i / BINS) * width).toFixed(1)} ${y.toFixed(1)}H${(((i + 1) / BINS) * width).toFixed(1)}`;
  });
  return `M0 ${floor}${parts.join("")}L${width} ${floor}Z`;
}

function fill(cell, count, total) {
  const small = document.createElement("small");
  small.textContent = percent(count / Math.max(1, total));
  cell.replaceChildren(count.toLocaleString("en"), " ", small);
}

function label(text, x, y, content) {
  set(text, { x, y });
  text.textContent = content;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
const short = (value) => (Math.abs(value) >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(3))));

/** Powers of ten before their triples, large before small. */
function rank(value) {
  if (value === 0) return -100;
  const power = Math.log10(Math.abs(value));
  return (Number.isInteger(Math.round(power * 1e6) / 1e6) ? 0 : 100) - power;
}
