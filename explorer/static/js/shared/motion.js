// Movement from one state to another.

/** Return whether the user has asked for less movement. */
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Return how far a movement is at a share of its time: slow, fast, slow. @param {number} share */
export const eased = (share) => (share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2);

/**
 * Draw a movement, from 0 (not drawn) to 1, and return what ends it where it is; who wants no movement sees its end.
 *
 * @param {number} milliseconds
 * @param {(share: number) => void} draw
 */
export function move(milliseconds, draw) {
  let frame = 0;
  if (isStill()) draw(1);
  else {
    /** @type {number | undefined} */
    let begun;
    const step = (/** @type {number} */ now) => {
      begun ??= now;
      const share = Math.min(1, (now - begun) / milliseconds);
      draw(eased(share));
      if (share < 1) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
  }
  return () => cancelAnimationFrame(frame);
}
