// The axis panel and the four pictures. What the user drags is decoded here at once; the server hears of it on release.

const SVG = "http://www.w3.org/2000/svg";
const REPORT_AFTER_KEYS = 250; // ms of rest after which a series of key presses is reported
const ANSWER_WITHIN = 4000; // ms; a report or its answer can get lost where runs of the server overlap
const REPEATS = 3; // ... each after twice the time, for the server may only be busy
const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let panel = instances.get(parentElement);
  if (!panel) instances.set(parentElement, (panel = new Panel(parentElement.querySelector(".stage"))));
  panel.report = (value) => setTriggerValue("moved", value);
  panel.update(data);
  return () => {
    panel.close();
    instances.delete(parentElement);
  };
}

class Panel {
  constructor(root) {
    this.root = root;
    this.figures = Object.fromEntries(
      ["original", "reconstruction", "current", "error"].map((name) => [name, root.querySelector(`.${name}`)]),
    );
    this.rows = new Map();
    this.painted = -1; // sequence number of the picture that is shown
    this.home = root.querySelector(".home");
    this.home.onclick = () => this.reset();
    this.listeners = {
      edit: (event) => this.edit(event.detail.edits, event.detail.source),
      commit: () => this.commit(),
      decoder: (event) => event.detail === this.data?.model && this.prepare(),
    };
    for (const [name, listener] of Object.entries(this.listeners)) live.bus.addEventListener(name, listener);
  }

  close() {
    for (const [name, listener] of Object.entries(this.listeners)) live.bus.removeEventListener(name, listener);
    clearTimeout(this.timer);
    clearTimeout(this.answer);
  }

  // ---------------------------------------------------------------- what Python says

  update(data) {
    const anew = this.data?.table !== data.table;
    const moved = this.data?.place !== data.place;
    this.data = data;
    this.base = staticBase(data.prefix);
    this.start = Float32Array.from(data.start);
    if (anew) this.build();
    if (anew || moved) this.painted = -1;
    const late = data.sequence < live.sequence && !anew && !moved;
    if (!late) {
      clearTimeout(this.answer);
      live.sequence = Math.max(live.sequence, data.sequence);
      this.z = Float32Array.from(data.z);
    }
    this.reference = floatsOf(data.original ?? data.reconstruction);
    this.showStart();
    for (const row of this.rows.values()) this.showAnchor(row), this.showRow(row);
    this.showHome();
    if (!late) {
      this.paint(floatsOf(data.current), data.sequence, "server");
      const support = this.root.querySelector(".support");
      support.textContent = data.support.text;
      support.classList.toggle("far", data.support.far);
    }
    this.prepare();
  }

  /** Load the decoder before it is needed, and catch up with what was moved while it was on its way. */
  async prepare() {
    const { data, root } = this;
    const model = live.models.get(data.model);
    root.dataset.decoder = !data.decoder ? "none" : model?.failed ? "failed" : model ? "loading" : "coming";
    this.showNote();
    if (!data.decoder || !model || model.failed) return;
    try {
      await sessionOf(data.model, this.base);
    } catch {
      return; // the model's `failed` says so, and its event comes back here
    }
    if (this.data.model !== data.model) return;
    root.dataset.decoder = "ready";
    if (live.sequence > this.painted) this.decodeHere();
  }

  showStart() {
    const { data, figures } = this;
    const has = Boolean(data.original);
    figures.original.hidden = !has;
    this.root.classList.toggle("without-original", !has);
    this.root.classList.toggle("dark", isDark(this.root));
    figures.error.title = `Current − ${has ? "original" : "start"}: red is brighter, blue is darker`;
    if (has) {
      paintPicture(figures.original.querySelector("canvas"), this.reference, data.shape);
      describe(figures.original, "Original", data.caption);
    }
    const picture = floatsOf(data.reconstruction);
    paintPicture(figures.reconstruction.querySelector("canvas"), picture, data.shape);
    describe(
      figures.reconstruction,
      has ? "Reconstruction" : "Start",
      has ? errorText(rootMeanSquare(picture, this.reference)) : data.caption,
    );
  }

  // ---------------------------------------------------------------- pictures

  paint(pixels, sequence, by, took) {
    const { data, figures } = this;
    this.painted = sequence;
    paintPicture(figures.current.querySelector("canvas"), pixels, data.shape);
    paintDifference(figures.error.querySelector("canvas"), pixels, this.reference, data.shape, isDark(this.root));
    const changed = this.changed().length;
    describe(figures.current, "Current", changed ? `${changed} ${changed === 1 ? "axis" : "axes"} moved` : "nothing moved");
    describe(figures.error, "Difference", errorText(rootMeanSquare(pixels, this.reference)));
    this.took = took ?? this.took;
    this.root.dataset.painted = by;
    this.root.dataset.sequence = sequence;
    if (by === "browser") this.showNote();
    else requestAnimationFrame(() => live.bus.dispatchEvent(new CustomEvent("answered", { detail: sequence })));
    live.bus.dispatchEvent(new CustomEvent("picture", { detail: { pixels, shape: data.shape, z: this.z } }));
  }

  decodeHere() {
    const sequence = live.sequence;
    decodeLatest(this.data.model, this.base, this.z.slice(), (pixels, took) => {
      if (sequence > this.painted) this.paint(pixels, sequence, "browser", took);
    });
  }

  showNote() {
    const { data } = this;
    const model = live.models.get(data?.model);
    let text = "";
    if (!data) return;
    if (!data.decoder) text = "This run has no decoder.onnx: the picture follows when you let go.";
    else if (model?.failed) text = "This browser cannot run the decoder: the picture follows when you let go.";
    else if (this.took !== undefined) text = `Decoded in this browser while you drag, ${Math.max(1, this.took).toFixed(0)} ms a picture.`;
    else text = "Drag, or use the arrow keys (Shift: bigger steps, Esc: back). The picture is decoded in this browser.";
    const note = this.root.querySelector(".note");
    if (note.textContent !== text) note.textContent = text;
    if (model?.failed) note.title = String(model.failed);
  }

  // ---------------------------------------------------------------- changes

  changed() {
    return this.data.axes.filter((axis) => Math.abs(this.z[axis.i] - this.start[axis.i]) > 5e-4).map((axis) => axis.i);
  }

  /** Apply {axis: value} made in the browser; null puts an axis back to its start. */
  edit(edits) {
    live.sequence += 1;
    for (const [axis, value] of Object.entries(edits)) {
      const row = this.rows.get(Number(axis));
      if (!row) continue;
      this.z[axis] = value === null ? this.start[axis] : round3(value);
      this.showRow(row);
    }
    this.showHome();
    this.decodeHere();
    live.bus.dispatchEvent(new CustomEvent("code", { detail: { z: this.z } }));
  }

  commit() {
    clearTimeout(this.timer);
    this.send(REPEATS, ANSWER_WITHIN);
  }

  /** Report the moved axes, and again if no answer comes. */
  send(repeats, patience) {
    clearTimeout(this.answer);
    const edits = Object.fromEntries(this.changed().map((axis) => [axis, round3(this.z[axis])]));
    this.report({ sequence: live.sequence, edits });
    if (repeats) this.answer = setTimeout(() => this.send(repeats - 1, 2 * patience), patience);
  }

  reset() {
    this.edit(Object.fromEntries(this.data.axes.map((axis) => [axis.i, null])));
    this.commit();
  }

  // ---------------------------------------------------------------- the rows

  build() {
    this.rows.clear();
    const [alive, dead] = [this.root.querySelector(".axes.live"), this.root.querySelector(".dead .axes")];
    alive.replaceChildren();
    dead.replaceChildren();
    const densities = (text) => Array.from(atob(text), (letter) => letter.charCodeAt(0) / this.data.levels);
    for (const told of this.data.axes) {
      const axis = { ...told, density: densities(told.density), prior: densities(told.prior) };
      const row = this.makeRow(axis);
      this.rows.set(axis.i, row);
      (axis.live ? alive : dead).append(row.node);
    }
    const details = this.root.querySelector(".dead");
    details.hidden = !dead.children.length;
    details.open = !alive.children.length; // nothing else to slide
    const n = dead.children.length;
    details.querySelector("summary").textContent =
      `${n} ${n === 1 ? "axis" : "axes"} without visible effect (below ${this.data.floor})`;
    this.root.querySelector(".key.codes").textContent = this.data.codes_name;
    this.root.classList.toggle("named", this.data.axes.some((axis) => axis.carries));
  }

  makeRow(axis) {
    const node = element("div", "axis", { "data-axis": axis.i });
    const name = element("span", "name");
    name.append(`z${axis.i}`);
    if (axis.carries) name.append(Object.assign(element("small"), { textContent: axis.carries.replace(/ \([\d.]+\)$/, "") }));
    name.append(element("i", "effect"));
    const full = axis.carries ? `, ${axis.carries}` : "";
    name.title = `z${axis.i}${full}: moves the picture by ${axis.effect.toFixed(3)} RMS from its 5 % to its 95 % quantile; rank ${axis.rank}`;
    name.querySelector(".effect").style.setProperty("--share", axis.share);
    const track = element("div", "track");
    track.append(densityDrawing(axis), element("i", "sigma"), element("i", "anchor"));
    const input = element("input", "", { type: "range", step: "any", "aria-label": `Axis ${axis.i}${full}` });
    track.append(input);
    const value = element("output", "value");
    const button = element("button", "reset", { type: "button", title: `Reset z${axis.i}`, "aria-label": `Reset axis ${axis.i}` });
    button.textContent = "↺";
    node.append(name, track, value, button);
    const row = { axis, node, input, value, button, track };
    this.wire(row);
    return row;
  }

  wire(row) {
    const { axis, input, button } = row;
    input.oninput = () => this.edit({ [axis.i]: Number(input.value) });
    input.onchange = () => this.commit();
    input.onkeydown = (event) => this.nudge(event, row);
    input.onblur = () => this.timer && this.commit();
    input.ondblclick = button.onclick = () => {
      this.edit({ [axis.i]: null });
      this.commit();
    };
  }

  /** Arrow keys move by a hundredth of the range, with shift by a tenth; Home and End go to the ends. */
  nudge(event, row) {
    const { low, high } = range(row.axis, this.start[row.axis.i], this.z[row.axis.i]);
    const step = (high - low) / (event.shiftKey ? 10 : 100);
    const value = this.z[row.axis.i];
    const goal = {
      ArrowRight: value + step,
      ArrowUp: value + step,
      ArrowLeft: value - step,
      ArrowDown: value - step,
      PageUp: value + (high - low) / 10,
      PageDown: value - (high - low) / 10,
      Home: low,
      End: high,
      Escape: null,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    this.edit({ [row.axis.i]: goal === null ? null : Math.min(high, Math.max(low, goal)) });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.commit(), REPORT_AFTER_KEYS);
  }

  showRow(row) {
    const { axis, node, input, value, button } = row;
    const current = this.z[axis.i];
    const { low, high } = range(axis, this.start[axis.i], current);
    if (Number(input.min) !== low) input.min = low;
    if (Number(input.max) !== high) input.max = high;
    if (Math.abs(Number(input.value) - current) > 1e-9) input.value = current;
    const text = signed(current);
    if (value.textContent !== text) value.textContent = text;
    const outside = densityAt(axis, current) < this.data.outside;
    node.classList.toggle("outside", outside);
    value.title = outside ? "Outside the learned density: hardly any test code lies here" : "";
    const moved = Math.abs(current - this.start[axis.i]) > 5e-4;
    node.classList.toggle("moved", moved);
    button.disabled = !moved;
    input.setAttribute("aria-valuetext", `${current.toFixed(2)}${outside ? ", outside the learned density" : ""}`);
  }

  /** Where the start lies on the axis, and how sure the encoder is of it (two standard deviations to each side). */
  showAnchor({ axis, track }) {
    const { low, high } = range(axis, this.start[axis.i], this.start[axis.i]);
    const share = (value) => Math.min(1, Math.max(0, (value - low) / (high - low)));
    track.querySelector(".anchor").style.setProperty("--at", share(this.start[axis.i]));
    const sigma = track.querySelector(".sigma");
    sigma.hidden = !this.data.sigma;
    if (!this.data.sigma) return;
    const reach = 2 * this.data.sigma[axis.i];
    sigma.style.setProperty("--from", share(this.start[axis.i] - reach));
    sigma.style.setProperty("--to", share(this.start[axis.i] + reach));
    sigma.title = `posterior: ${this.start[axis.i].toFixed(2)} ± ${this.data.sigma[axis.i].toFixed(2)}`;
  }

  showHome() {
    this.home.textContent = `↺ Back to the ${this.data.anchor}`;
    this.home.disabled = !this.changed().length;
    this.root.querySelector(".key.anchor b").textContent = this.data.anchor + (this.data.sigma ? " ± 2 σ" : "");
  }
}

/** The slider's ends: the range of the codes, reaching out to the start and the value where these lie beyond. */
function range(axis, start, value) {
  return { low: Math.min(axis.low, start, value), high: Math.max(axis.high, start, value) };
}

/** Density of the codes at a value as a share of the axis' peak; 0 beyond the grid. */
function densityAt(axis, value) {
  const place = ((value - axis.low) / (axis.high - axis.low)) * (axis.density.length - 1);
  if (place < 0 || place > axis.density.length - 1) return 0;
  const left = Math.min(Math.floor(place), axis.density.length - 2);
  return axis.density[left] + (place - left) * (axis.density[left + 1] - axis.density[left]);
}

/** The density of the codes as an area, the prior's marginal as a line above it. */
function densityDrawing(axis) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const top = Math.max(1, Math.min(1.6, Math.max(...axis.prior)));
  const points = (values) =>
    values.map((v, i) => `${((100 * i) / (values.length - 1)).toFixed(1)},${(98 - (94 * Math.min(v, top)) / top).toFixed(1)}`);
  const area = document.createElementNS(SVG, "polygon");
  area.setAttribute("points", ["0,98", ...points(axis.density), "100,98"].join(" "));
  area.setAttribute("class", "codes");
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", points(axis.prior).join(" "));
  line.setAttribute("class", "prior");
  svg.append(area, line);
  return svg;
}

const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));

function describe(figure, title, small) {
  const [heading, detail] = [figure.querySelector("figcaption"), figure.querySelector("small")];
  if (heading.textContent !== title) heading.textContent = title;
  if (detail.textContent !== small) detail.textContent = small;
  figure.querySelector("canvas").setAttribute("aria-label", `${title}: ${small}`);
}
