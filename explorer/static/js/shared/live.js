// How the panel, the pad and the sheets talk to one another without the server.

/** @typedef {Record<string, number | null>} Edits New values of axes; null puts an axis back to its start. */
/** @typedef {[channels: number, height: number, width: number]} Shape */
/**
 * @typedef {object} Messages
 * @property {Edits} edit axes are to move
 * @property {undefined} commit the server is to hear of what was moved
 * @property {Float32Array} code the panel's code now
 * @property {{ pixels: Float32Array, shape: Shape }} picture the panel's picture now
 * @property {number} answered sequence of the picture that the server sent
 * @property {string} decoder hash of the model whose decoder has arrived or failed
 * @property {string} blob name of bytes that have arrived
 * @property {undefined} sharp canvases are about to be copied at double size
 * @property {undefined} later what the first screen needs the models for has arrived
 */

const bus = new EventTarget();

/** The sequence rises with every change made in the browser; the server echoes it, so late answers are known as such. */
export const live = { sequence: 0 };
/** @type {any} */ (globalThis).__gwaeLive = live; // tests.benchmarks.slider reads it

/** @template {keyof Messages} Name @param {Name} name @param {Messages[Name]} detail */
export function announce(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Call the handlers of messages, until the function that is returned is called. @param {{ [Name in keyof Messages]?: (detail: Messages[Name]) => void }} handlers */
export function listen(handlers) {
  const end = new AbortController();
  for (const [name, handle] of Object.entries(/** @type {Record<string, (detail: any) => void>} */ (handlers))) {
    bus.addEventListener(name, (event) => handle(/** @type {any} */ (event).detail), { signal: end.signal });
  }
  return () => end.abort();
}
