// Two threads that decode whole sheets: the page itself stays free to follow the hand.

import { decodeNow, decoderOf } from "../shared/decoder.js";

/** @typedef {import("../shared/decoder.js").Paint} Paint */
/** @typedef {{ paint: Paint, begin: number, done(): void, failed(reason: Error): void }} Wish */

const THREADS = 2;

export class Thread {
  /** @type {Map<number, Wish>} */
  wishes = new Map();
  /** @type {Set<string>} hashes of the decoders it has */
  known = new Set();
  last = 0;

  /** @param {Pick<Worker, "postMessage" | "terminate"> & { onmessage: any, onerror: any }} worker */
  constructor(worker) {
    this.worker = worker;
    worker.onmessage = (/** @type {MessageEvent} */ { data }) => this.answer(data);
    worker.onerror = () => {
      for (const { failed } of this.wishes.values()) failed(new Error("a thread cannot be started"));
      this.wishes.clear();
    };
  }

  /** Decode z and hand the picture to `paint`. @param {string} hash @param {Float32Array} z @param {Paint} paint @returns {Promise<void>} */
  decode(hash, z, paint) {
    const bytes = decoderOf(hash)?.bytes;
    if (!bytes) return Promise.reject(new Error("the decoder has not arrived yet"));
    if (!this.known.has(hash)) this.worker.postMessage({ hash, bytes });
    this.known.add(hash);
    this.last += 1;
    this.worker.postMessage({ hash, z, id: this.last });
    return new Promise((done, failed) => this.wishes.set(this.last, { paint, begin: performance.now(), done, failed }));
  }

  /** @param {{ id?: number, pixels?: Float32Array, error?: string }} answer */
  answer({ id, pixels, error }) {
    const wish = this.wishes.get(Number(id));
    this.wishes.delete(Number(id));
    if (!wish) return;
    if (!pixels) return wish.failed(new Error(error));
    wish.paint(pixels, performance.now() - wish.begin);
    wish.done();
  }
}

/**
 * Return functions that decode, one for each thread; where the browser has no threads, the page's own.
 *
 * @returns {{ decode: ((hash: string, z: Float32Array, paint: Paint) => Promise<void>)[], end(): void }}
 */
export function crew() {
  try {
    const address = new URL("../shared/decoding_worker.js", import.meta.url);
    const workers = Array.from({ length: THREADS }, () => new Worker(address, { type: "module" }));
    const threads = workers.map((worker) => new Thread(worker));
    return {
      decode: threads.map((thread) => thread.decode.bind(thread)),
      end: () => {
        for (const worker of workers) worker.terminate();
      },
    };
  } catch {
    return { decode: [decodeNow], end: () => {} };
  }
}
