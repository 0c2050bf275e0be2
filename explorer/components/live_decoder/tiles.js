// A grid of small pictures from one sprite: galleries to choose from, traversal sheets and interpolation strips.

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let tiles = instances.get(parentElement);
  if (!tiles) instances.set(parentElement, (tiles = new Tiles(parentElement.querySelector(".tiles"))));
  tiles.pick = (index) => setTriggerValue("picked", index);
  tiles.update(data);
  return () => {
    tiles.resized.disconnect();
    URL.revokeObjectURL(tiles.address);
    instances.delete(parentElement);
  };
}

class Tiles {
  constructor(root) {
    this.root = root;
    this.grid = root.querySelector(".grid");
    this.root.onscroll = () => this.fade();
    this.resized = new ResizeObserver(() => this.fade());
    this.resized.observe(this.grid);
    this.grid.onkeydown = (event) => this.walk(event);
    this.grid.onclick = (event) => {
      const tile = event.target.closest("button.tile");
      if (tile) this.choose(Number(tile.dataset.index));
    };
  }

  update(data) {
    const before = this.data;
    this.data = data;
    const same = before && before.count === data.count && before.columns === data.columns;
    if (!same || before.rows.join() !== data.rows.join() || before.heads.join() !== data.heads.join()) this.build();
    if (before?.sprite !== data.sprite || !same) this.fill();
    this.buttons.forEach((button, index) => {
      button.title = data.titles[index] ?? "";
      button.setAttribute("aria-label", data.titles[index] || `Picture ${index + 1}`);
      button.setAttribute("aria-pressed", data.selected.includes(index));
    });
    const first = Math.max(0, data.selected[0] ?? 0);
    this.buttons.forEach((button, index) => (button.tabIndex = index === first ? 0 : -1));
    if (!before || before.selected[0] !== data.selected[0]) this.reveal(first);
  }

  build() {
    const { data, grid } = this;
    this.root.style.setProperty("--tile", `${data.size}px`);
    this.root.style.setProperty("--height", data.height ? `${data.height}px` : "none");
    this.root.classList.toggle("sheet", data.columns > 0);
    grid.style.gridTemplateColumns = data.columns
      ? `${data.rows.length ? "auto " : ""}repeat(${data.columns}, minmax(0, ${data.size}px))`
      : "";
    grid.setAttribute("aria-label", data.label);
    grid.replaceChildren();
    this.buttons = [];
    if (data.heads.length) {
      if (data.rows.length) grid.append(element("span"));
      for (const text of data.heads) grid.append(Object.assign(element("span", "head"), { textContent: text }));
    }
    for (let index = 0; index < data.count; index++) {
      if (data.rows.length && index % data.columns === 0) {
        const [name, ...details] = data.rows[index / data.columns].split("\n");
        const label = Object.assign(element("span", "row"), { textContent: name });
        for (const detail of details) label.append(Object.assign(element("small"), { textContent: detail }));
        grid.append(label);
      }
      const button = element("button", "tile", { type: "button", "data-index": index });
      button.append(element("i"));
      this.buttons.push(button);
      grid.append(button);
    }
  }

  /**
   * Every tile shows its part of one sprite as a background: hundreds of canvases would each be a layer of their own and
   * slow every frame of the page down. The sprite repeats each tile's border once, so that rounding shows no neighbour.
   */
  fill() {
    const { sprite, shape, count, sprite_columns: columns } = this.data;
    const bytes = Uint8Array.from(atob(sprite), (letter) => letter.charCodeAt(0));
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    const rows = Math.ceil(count / columns);
    const [, height, width] = shape;
    const place = (i, n, side) => (100 * (i * (side + 2) + 1)) / (n * (side + 2) - side);
    this.grid.style.setProperty("--sprite", `url(${this.address})`);
    this.grid.style.setProperty("--across", `${(100 * columns * (width + 2)) / width}%`);
    this.grid.style.setProperty("--down", `${(100 * rows * (height + 2)) / height}%`);
    this.buttons.forEach((button, index) => {
      const [x, y] = [place(index % columns, columns, width), place(Math.floor(index / columns), rows, height)];
      button.firstChild.style.backgroundPosition = `${x}% ${y}%`;
    });
    this.root.dataset.painted = String(Number(this.root.dataset.painted ?? 0) + 1);
  }

  /** Fade the lower edge where there is more to scroll to. */
  fade() {
    this.root.classList.toggle("more", this.root.scrollHeight > this.root.scrollTop + this.root.clientHeight + 4);
  }

  choose(index) {
    const edits = this.data.edits?.[index];
    if (!edits) return this.pick(index);
    // A picture of the current view: the panel takes over its code at once, without waiting for the server.
    live.bus.dispatchEvent(new CustomEvent("edit", { detail: { edits } }));
    live.bus.dispatchEvent(new CustomEvent("commit"));
  }

  reveal(index) {
    const button = this.buttons[index];
    if (!button || !this.data.height) return;
    const top = button.offsetTop - this.root.offsetTop;
    if (top < this.root.scrollTop || top + button.offsetHeight > this.root.scrollTop + this.root.clientHeight) {
      this.root.scrollTop = top - 4;
    }
  }

  walk(event) {
    const at = this.buttons.indexOf(event.target.closest("button.tile"));
    const across = this.data.columns || this.perLine();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    const next = this.buttons[at + step];
    if (at < 0 || !step || !next) return;
    event.preventDefault();
    next.focus();
  }

  perLine() {
    const top = this.buttons[0]?.offsetTop;
    const wrapped = this.buttons.findIndex((button) => button.offsetTop !== top);
    return wrapped < 0 ? this.buttons.length : wrapped;
  }
}
