// A ring on the Plotly map around what the panel tells about. It moves with pan and zoom, which a trace could not do
// without building the chart anew; where Plotly's axes cannot be read there is simply no ring.

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  let pin = instances.get(parentElement);
  if (!pin) instances.set(parentElement, (pin = new Pin()));
  pin.follow(data);
  return () => {
    pin.remove();
    instances.delete(parentElement);
  };
}

class Pin {
  constructor() {
    this.ring = document.createElement("div");
    this.ring.className = "gwae-pin";
    Object.assign(this.ring.style, {
      position: "absolute", width: "22px", height: "22px", margin: "-11px 0 0 -11px", borderRadius: "50%",
      pointerEvents: "none", boxSizing: "border-box", zIndex: 5,
    });
    this.timer = setInterval(() => this.attach(), 150);  // the chart comes and goes: a colour, a theme, a navigation
  }

  follow(data) {
    this.data = data;
    Object.assign(this.ring.style, {
      border: `3px solid ${data.colour}`, boxShadow: `0 0 0 2px ${data.ground}, inset 0 0 0 2px ${data.ground}`,
    });
    this.attach();
    this.place();
  }

  attach() {
    const chart = document.querySelector(`.st-key-${this.data.chart} .js-plotly-plot`);
    if (!chart?._fullLayout?.xaxis || chart === this.chart) return;
    this.chart = chart;
    for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"]) {
      chart.on(event, () => chart === this.chart && this.place());
    }
    this.place();
  }

  place() {
    const axes = this.chart?._fullLayout;
    const box = this.chart?.querySelector(".svg-container");
    if (!box || !axes?.xaxis?.l2p || !axes.yaxis?.l2p || !this.data.at.length) return this.ring.remove();
    const [x, y] = [axes.xaxis.l2p(this.data.at[0]), axes.yaxis.l2p(this.data.at[1])];
    const inside = x >= 0 && y >= 0 && x <= axes.xaxis._length && y <= axes.yaxis._length;
    if (!inside) return this.ring.remove();
    this.ring.style.left = `${axes.xaxis._offset + x}px`;
    this.ring.style.top = `${axes.yaxis._offset + y}px`;
    if (this.ring.parentElement !== box) box.append(this.ring);
  }

  remove() {
    clearInterval(this.timer);
    this.ring.remove();
    this.chart = null;
  }
}
