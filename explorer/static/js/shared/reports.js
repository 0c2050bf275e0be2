// When the server hears of what was done in the browser.

/**
 * Return a clock that acts once nothing has started it for a while: a series of key presses is one change. `flush` acts
 * now if that is still to come.
 *
 * @param {() => unknown} act
 * @param {number} wait milliseconds
 */
export function delayed(act, wait = 250) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const flush = () => {
    if (timer === undefined) return;
    stop();
    act();
  };
  const start = () => {
    stop();
    timer = setTimeout(flush, wait);
  };
  return { start, flush, stop };
}

/**
 * Return a report that is sent until it is answered: it or its answer can get lost where runs of the server overlap.
 *
 * @param {() => void} send
 * @param {number} wait milliseconds for an answer
 * @param {number} growth of `wait`, from one time to the next: the server may only be busy
 * @param {number} repeats
 */
export function repeated(send, wait, growth = 1, repeats = Infinity) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const answered = () => clearTimeout(timer);
  const start = (patience = wait, left = repeats) => {
    answered();
    send();
    if (left) timer = setTimeout(start, patience, growth * patience, left - 1);
  };
  return { start, answered };
}
