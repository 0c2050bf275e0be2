// What the hand does on the map: hovering, clicking, moving and zooming it, drawing on it, holding a finger still.

/** @typedef {"move" | "lasso" | "path"} Mode */
/**
 * @typedef {object} Acts what follows from it; places are pixels of the field
 * @property {(x: number, y: number, time: number) => void} hover
 * @property {() => void} leave
 * @property {(x: number, y: number) => void} click
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, x: number, y: number) => void} zoom
 * @property {(mode: Mode, x: number, y: number) => void} begin a lasso or a path
 * @property {(x: number, y: number) => void} draw
 * @property {() => void} end
 */

const STILL = 4; // pixels a click may move by
const FINGER = 10; // the same for a finger
const HOLD = 350; // ms a finger rests until it is a pointer

/** Return all moves that the browser has put together into one. @param {PointerEvent} event */
function between(event) {
  const all = event.getCoalescedEvents?.() ?? [];
  return all.length ? all : [event];
}

export class Hand {
  /** @type {Mode} */
  mode = "move";
  /** @type {Map<number, [number, number]>} where the pointers are that are down */
  down = new Map();
  /** @type {[number, number]} */
  from = [0, 0];
  /** @type {"" | "wait" | "pan" | "draw" | "hold" | "pinch"} */
  doing = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /** @param {HTMLElement} field @param {Acts} acts */
  constructor(field, acts) {
    this.field = field;
    this.acts = acts;
    field.onpointerdown = (event) => this.press(event);
    field.onpointermove = (event) => this.move(event);
    field.onpointerup = (event) => this.lift(event, true);
    field.onpointercancel = (event) => this.lift(event, false);
    field.onpointerleave = () => this.down.size || acts.leave();
    field.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // While a finger is held the page must not scroll: only this event can still keep it from that.
    const still = (/** @type {Event} */ event) => this.doing === "hold" && event.preventDefault();
    field.addEventListener("touchmove", still, { passive: false });
    field.oncontextmenu = (event) => this.doing === "hold" && event.preventDefault();
  }

  /** @param {{ clientX: number, clientY: number }} event @returns {[number, number]} */
  place({ clientX, clientY }) {
    const box = this.field.getBoundingClientRect();
    return [clientX - box.left - this.field.clientLeft, clientY - box.top - this.field.clientTop];
  }

  /** Take up a mode; a finger then draws instead of scrolling the page. @param {Mode} mode */
  take(mode) {
    this.mode = mode;
    this.field.dataset.mode = mode;
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button > 0 || /** @type {Element} */ (event.target).closest("button")) return;
    const at = this.place(event);
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) {
      if (this.doing === "draw") this.acts.end();
      this.doing = "pinch";
    }
    if (this.down.size > 1) return;
    this.from = at;
    this.doing = "wait";
    if (event.pointerType !== "touch") return;
    this.timer = setTimeout(() => {
      if (this.doing !== "wait") return;
      this.doing = "hold";
      this.acts.hover(...at, performance.now());
    }, HOLD);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const [x, y] = this.place(event);
    const last = this.down.get(event.pointerId);
    if (!last) {
      if (event.pointerType === "touch") return;
      return /** @type {Element} */ (event.target).closest("button")
        ? this.acts.leave()
        : this.acts.hover(x, y, event.timeStamp);
    }
    if (this.doing === "pinch") return this.pinch(event.pointerId, [x, y]);
    const slack = event.pointerType === "touch" ? FINGER : STILL;
    if (this.doing === "wait" && Math.hypot(x - this.from[0], y - this.from[1]) > slack) this.start(event);
    this.down.set(event.pointerId, [x, y]);
    if (this.doing === "pan") this.acts.pan(x - last[0], y - last[1]);
    if (this.doing === "draw") for (const each of between(event)) this.acts.draw(...this.place(each));
    if (this.doing === "hold") this.acts.hover(x, y, event.timeStamp);
  }

  /** The press has become a drag. @param {PointerEvent} event */
  start(event) {
    clearTimeout(this.timer);
    this.field.setPointerCapture(event.pointerId);
    const mode = event.shiftKey ? "lasso" : event.altKey ? "path" : this.mode;
    this.doing = mode === "move" ? "pan" : "draw";
    this.acts.leave();
    if (mode !== "move") this.acts.begin(mode, ...this.from);
  }

  /** @param {number} id @param {[number, number]} to */
  pinch(id, to) {
    const other = [...this.down].find(([key]) => key !== id)?.[1];
    const from = this.down.get(id);
    this.down.set(id, to);
    if (!other || !from) return;
    const length = (/** @type {number[]} */ a) => Math.max(8, Math.hypot(a[0] - other[0], a[1] - other[1]));
    this.acts.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    this.acts.zoom(length(to) / length(from), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
  }

  /** @param {PointerEvent} event @param {boolean} meant */
  lift(event, meant) {
    if (!this.down.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    const { doing } = this;
    if (doing === "pinch" && this.down.size) return;
    this.doing = "";
    if (doing === "draw") this.acts.end();
    if (doing === "hold") this.acts.leave();
    if (doing === "wait" && meant) this.acts.click(...this.place(event));
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 16 : 1);
    this.acts.zoom(Math.exp(-Math.max(-200, Math.min(200, pixels)) / 300), ...this.place(event));
  }
}
