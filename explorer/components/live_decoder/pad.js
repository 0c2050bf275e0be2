// Two axes at once: drag the handle, the panel decodes. The background is a grid of pictures or the codes themselves.

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  let pad = instances.get(parentElement);
  if (!pad) instances.set(parentElement, (pad = new Pad(parentElement.querySelector(".pad"))));
  pad.update(data);
  return () => {
    pad.close();
    instances.delete(parentElement);
  };
}

class Pad {
  constructor(root) {
    this.root = root;
    this.field = root.querySelector(".field");
    this.canvas = this.field.querySelector("canvas");
    this.listeners = {
      code: (event) => this.place([event.detail.z[this.data.x.i], event.detail.z[this.data.y.i]]),
      picture: (event) => this.picture(event.detail.pixels, event.detail.shape),
    };
    for (const [name, listener] of Object.entries(this.listeners)) live.bus.addEventListener(name, listener);
    this.field.onpointerdown = (event) => {
      this.field.setPointerCapture(event.pointerId);
      this.field.focus({ preventScroll: true });
      this.drag(event);
    };
    this.field.onpointermove = (event) => this.field.hasPointerCapture(event.pointerId) && this.drag(event);
    this.field.onpointerup = () => this.say("commit");
    this.field.onkeydown = (event) => this.nudge(event);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.field);
  }

  close() {
    for (const [name, listener] of Object.entries(this.listeners)) live.bus.removeEventListener(name, listener);
    this.resized.disconnect();
    clearTimeout(this.timer);
  }

  update(data) {
    this.data = data;
    const name = (axis) => `z${axis.i}`;
    this.root.querySelector(".x-name").textContent = `${name(data.x)} →`;
    this.root.querySelector(".y-name").textContent = `${name(data.y)} →`;
    this.field.setAttribute("aria-label", `Axes ${data.x.i} and ${data.y.i}: drag, or use the arrow keys`);
    if (data.background !== this.source) this.load(data.background);
    if (data.sequence >= live.sequence) this.place(data.value);
    if (data.sequence >= live.sequence) this.picture(floatsOf(data.current), data.shape);
    this.mark(".start", data.start);
    this.name();
    this.draw();
  }

  /** The colours of the labels. */
  name() {
    const { names, colours } = this.data;
    const marks = names.map((name, i) => {
      const mark = element("span");
      const dot = element("i");
      dot.style.background = colours[i];
      mark.append(dot, name);
      return mark;
    });
    this.root.querySelector(".labels").replaceChildren(...marks);
  }

  async load(source) {
    this.source = source;
    this.image = null;
    if (source) {
      const image = new Image();
      image.src = `data:image/png;base64,${source}`;
      await image.decode();
      if (this.source === source) this.image = image;
    }
    this.draw();
  }

  // ---------------------------------------------------------------- moving

  say(name, edits) {
    live.bus.dispatchEvent(new CustomEvent(name, { detail: { edits } }));
  }

  drag(event) {
    const box = this.field.getBoundingClientRect();
    const { x, y } = this.data;
    const share = (value) => Math.min(1, Math.max(0, value));
    const across = share((event.clientX - box.left) / box.width);
    const up = share(1 - (event.clientY - box.top) / box.height);
    this.say("edit", { [x.i]: x.low + across * (x.high - x.low), [y.i]: y.low + up * (y.high - y.low) });
  }

  nudge(event) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const { x, y } = this.data;
    const step = event.shiftKey ? 0.1 : 0.01;
    const clamp = (axis, value) => Math.min(axis.high, Math.max(axis.low, value));
    this.say("edit", {
      [x.i]: clamp(x, this.value[0] + dx * step * (x.high - x.low)),
      [y.i]: clamp(y, this.value[1] + dy * step * (y.high - y.low)),
    });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say("commit"), 250);
  }

  // ---------------------------------------------------------------- showing

  place(value) {
    this.value = value;
    this.mark(".handle", value);
    this.mark(".cross-x", value);
    this.mark(".cross-y", value);
    const signed = (number) => (Math.abs(number) < 0.005 ? "0.00" : number.toFixed(2).replace("-", "−"));
    const { x, y } = this.data;
    this.root.querySelector("small").textContent = `z${x.i} = ${signed(value[0])}, z${y.i} = ${signed(value[1])}`;
  }

  mark(selector, [vx, vy]) {
    const { x, y } = this.data;
    const node = this.field.querySelector(selector);
    const inside = vx >= x.low && vx <= x.high && vy >= y.low && vy <= y.high;
    const share = (axis, value) => Math.min(1, Math.max(0, (value - axis.low) / (axis.high - axis.low)));
    node.style.setProperty("--x", share(x, vx));
    node.style.setProperty("--y", share(y, vy));
    node.classList.toggle("beyond", !inside);
  }

  picture(pixels, shape) {
    paintPicture(this.root.querySelector("figure canvas"), pixels, shape);
  }

  draw() {
    const { canvas, data } = this;
    if (!data) return;
    const side = Math.round(this.field.clientWidth * devicePixelRatio);
    const context = sized(canvas, side, side);
    context.clearRect(0, 0, side, side);
    context.imageSmoothingEnabled = false;
    if (this.image) context.drawImage(this.image, 0, 0, side, side);
    const radius = 2 * devicePixelRatio;
    context.globalAlpha = 0.65;
    for (const [label, points] of data.points.entries()) {
      context.fillStyle = data.colours[label];
      for (let i = 0; i < points.length; i += 2) {
        const px = ((points[i] - data.x.low) / (data.x.high - data.x.low)) * side;
        const py = (1 - (points[i + 1] - data.y.low) / (data.y.high - data.y.low)) * side;
        context.beginPath();
        context.arc(px, py, radius, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }
}
