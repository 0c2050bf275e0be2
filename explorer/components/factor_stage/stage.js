// Six factor sliders. Every place of the hand is sent to the server, which renders, encodes and decodes it; one report is
// under way at a time, and the answer to it sends the latest place on.

const ANSWER_WITHIN = 2500; // ms; a report or its answer can get lost where runs of the server overlap
const NOTHING = 0.05; // standard deviations: an axis that moved by less did not
const stages = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let stage = stages.get(parentElement);
  if (!stage) stages.set(parentElement, (stage = new Stage(parentElement.querySelector(".stage"))));
  stage.report = (value) => setTriggerValue("moved", value);
  stage.update(data);
  return () => {
    clearTimeout(stage.timer);
    stages.delete(parentElement);
  };
}

class Stage {
  constructor(root) {
    this.root = root;
    this.sequence = 0; // of the last change by hand
    this.sent = 0; // of the report that is under way, or was answered last
    this.answered = 0;
    this.final = true; // whether the hand has let go
    this.told = true; // whether the server knows that
  }

  // ---------------------------------------------------------------- what Python says

  update(data) {
    const before = this.data;
    this.data = data;
    const anew = before?.model !== data.model || before.axes.map(label).join() !== data.axes.map(label).join();
    if (!this.sliders) this.buildFactors();
    if (anew) this.buildAxes();
    if (before?.model !== data.model || !before) this.restart(data);
    if (data.sequence >= this.sent) this.answer(data);
    if (data.sequence >= this.sequence) this.showFactors(data.values);
    this.paint(data);
  }

  restart(data) {
    this.sequence = this.sent = this.answered = Math.max(this.sequence, data.sequence);
    this.before = data.code;
  }

  answer(data) {
    clearTimeout(this.timer);
    this.answered = data.sequence;
    if (this.sequence > this.sent || (this.final && !this.told)) this.send();
  }

  paint(data) {
    const { root } = this;
    const [rendered, reconstruction, error] = ["rendered", "reconstruction", "error"].map((name) => root.querySelector(`.${name}`));
    const [picture, remade] = [floatsOf(data.picture), floatsOf(data.reconstruction)];
    paintPicture(rendered.querySelector("canvas"), picture, data.shape);
    paintPicture(reconstruction.querySelector("canvas"), remade, data.shape);
    paintDifference(error.querySelector("canvas"), remade, picture, data.shape, isDark(root));
    say(reconstruction.querySelector("small"), errorText(rootMeanSquare(remade, picture)));
    this.showCode(data);
    root.dataset.sequence = data.sequence;
  }

  // ---------------------------------------------------------------- the hand

  moved() {
    if (this.final) this.before = this.data.code; // a new drag begins
    this.root.dataset.hand = this.sequence += 1;
    this.final = false;
    this.told = false;
    this.showFactors(this.values());
    if (this.answered >= this.sent) this.send();
  }

  letGo() {
    this.final = true;
    this.told = false;
    if (this.answered >= this.sent) this.send();
  }

  send() {
    clearTimeout(this.timer);
    if (this.sequence === this.sent) this.sequence += 1; // the end of a drag is a report of its own
    this.sent = this.sequence;
    this.told = this.final;
    this.report({ sequence: this.sent, values: this.values(), final: this.final });
    this.timer = setTimeout(() => this.send(), ANSWER_WITHIN);
  }

  values() {
    return this.sliders.map((slider) => Number(slider.input.value));
  }

  // ---------------------------------------------------------------- factors

  buildFactors() {
    this.sliders = this.data.factors.map((factor) => {
      const node = element("label", "factor");
      const output = element("output");
      const input = element("input", "", { type: "range", min: 0, max: factor.values.length - 1, step: 1, "aria-label": factor.name });
      node.append(Object.assign(element("b"), { textContent: factor.name }), output, input);
      input.oninput = () => this.moved();
      input.onchange = () => this.letGo();
      this.root.querySelector(".factors").append(node);
      return { factor, input, output };
    });
  }

  showFactors(values) {
    this.sliders.forEach(({ factor, input, output }, position) => {
      const place = values[position];
      if (Number(input.value) !== place) input.value = place;
      input.setAttribute("aria-valuetext", factor.values[place]);
      const swatch = factor.colours.length ? [Object.assign(element("i"), { style: `background: ${factor.colours[place]}` })] : [];
      output.replaceChildren(...swatch, factor.values[place]);
    });
  }

  // ---------------------------------------------------------------- the code

  buildAxes() {
    const [live, dead] = [this.root.querySelector(".axes.live"), this.root.querySelector(".dead .axes")];
    live.replaceChildren();
    dead.replaceChildren();
    this.rows = this.data.axes.map((axis) => {
      const node = element("div", "axis", { "data-axis": axis.i });
      const name = element("span", "name", { title: label(axis) });
      name.append(Object.assign(element("b"), { textContent: `z${axis.i}` }), Object.assign(element("small"), { textContent: axis.carries }));
      const track = element("div", "track");
      const parts = Object.fromEntries(["line", "usual", "median", "change", "before", "now"].map((part) => [part, element("i", part)]));
      track.append(...Object.values(parts));
      const value = element("output", "value");
      node.append(name, track, value);
      (axis.live ? live : dead).append(node);
      const [low, median, high] = axis.quantiles.map((quantile) => share(axis, quantile));
      span(parts.usual, low, high);
      parts.median.style.setProperty("--at", median);
      return { axis, node, parts, value };
    });
    const count = dead.children.length;
    const details = this.root.querySelector(".dead");
    details.hidden = !count;
    say(details.querySelector("summary"), `${count} ${count === 1 ? "axis" : "axes"} without visible effect`);
  }

  showCode({ code }) {
    const before = this.before ?? code;
    const moves = this.rows.map(({ axis }) => (axis.live ? Math.abs(code[axis.i] - before[axis.i]) / axis.spread : 0));
    const most = moves.indexOf(Math.max(...moves));
    const some = moves[most] > NOTHING;
    this.rows.forEach(({ axis, node, parts, value }, position) => {
      const [from, to] = [share(axis, before[axis.i]), share(axis, code[axis.i])];
      parts.before.style.setProperty("--at", from);
      parts.now.style.setProperty("--at", to);
      span(parts.change, Math.min(from, to), Math.max(from, to));
      parts.before.hidden = parts.change.hidden = !(moves[position] > NOTHING);
      node.classList.toggle("most", some && position === most);
      say(value, signed(code[axis.i]));
    });
    const squares = moves.map((move) => move ** 2);
    const total = squares.reduce((sum, square) => sum + square, 0);
    const text = some
      ? `${label(this.rows[most].axis)} moved most: ${Math.round((100 * squares[most]) / total)} % of the squared movement, in standard deviations.`
      : "Move a factor, and watch which axes follow.";
    say(this.root.querySelector(".moved"), text);
  }
}

/** Place of a value on an axis' track, 0 to 1. */
function share(axis, value) {
  return Math.min(1, Math.max(0, (value - axis.low) / (axis.high - axis.low)));
}

function span(node, from, to) {
  node.style.setProperty("--from", from);
  node.style.setProperty("--to", to);
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const label = (axis) => (axis.carries ? `z${axis.i}, ${axis.carries}` : `z${axis.i}`);
const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));
