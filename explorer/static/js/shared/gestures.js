// The pointer and the keyboard.

import { clamp } from "./numbers.js";

/**
 * Follow the pointer from where it is pressed until it is let go.
 *
 * @param {HTMLElement | SVGElement} area
 * @param {object} hand
 * @param {() => void} hand.begin
 * @param {(across: number, up: number) => void} hand.move shares of the area from its lower left corner
 * @param {() => void} hand.end
 */
export function followPointer(area, { begin, move, end }) {
  let held = false;
  const follow = (/** @type {PointerEvent} */ event) => {
    const box = area.getBoundingClientRect();
    move(clamp((event.clientX - box.left) / box.width), clamp(1 - (event.clientY - box.top) / box.height));
  };
  area.onpointerdown = (event) => {
    held = true;
    area.setPointerCapture(event.pointerId);
    begin();
    follow(event);
  };
  area.onpointermove = (event) => held && follow(event);
  area.onpointerup = area.onpointercancel = () => {
    if (held) end();
    held = false;
  };
}

/** Return the direction of an arrow key, [right, up]. @param {string} key */
export function arrow(key) {
  return { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] ?? [0, 0];
}

/**
 * Return the value that a slider's key leads to, undefined for any other key: arrows move by `step`, with shift and by
 * page keys ten times as far, Home and End go to the ends.
 *
 * @param {{ key: string, shiftKey: boolean }} event
 * @param {{ value: number, low: number, high: number, step: number }} slider
 */
export function keyed({ key, shiftKey }, { value, low, high, step }) {
  const [right, up] = arrow(key);
  const steps =
    { PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }[key] ?? (right + up) * (shiftKey ? 10 : 1);
  return steps ? clamp(value + steps * step, low, high) : undefined;
}
