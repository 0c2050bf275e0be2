// The decoders of the models, run in the browser by onnxruntime-web.

import { announce } from "./live.js";
import { loadRuntime } from "./runtime.js";

/** @typedef {{ run(feeds: object): Promise<{ image: { data: Float32Array, dispose?(): void } }>, release(): Promise<void> }} Session */
/** @typedef {(pixels: Float32Array, milliseconds: number) => void} Paint */
/**
 * @typedef {object} Model
 * @property {Uint8Array} bytes decoder.onnx, which threads are given as well
 * @property {Promise<Session> | null} session
 * @property {unknown} failed why the decoder does not work
 * @property {{ z: Float32Array, paint: Paint } | null} wanted
 * @property {boolean} busy
 */

const KEPT_MODELS = 5; // page Generate shows four side by side; an encoder counts as one

/** @type {Map<string, Model>} by the hash of the checkpoint */
const models = new Map();
/** @type {Promise<any> | null} */
let runtime = null;

/** Return under which name a model's encoder is offered. @param {string} hash */
export const encoderName = (hash) => `encoder ${hash}`;

/** Return what is known of a model's decoder, or undefined before it has arrived. @param {string} hash */
export const decoderOf = (hash) => models.get(hash);

/** Remember the decoder of a checkpoint; older ones are released, so memory stays bounded. @param {string} hash @param {Uint8Array} bytes */
export function offerDecoder(hash, bytes) {
  if (models.has(hash)) return;
  models.set(hash, { bytes, session: null, failed: null, wanted: null, busy: false });
  for (const [old, model] of models) {
    if (models.size <= KEPT_MODELS) break;
    models.delete(old);
    model.session?.then((session) => session.release()).catch(() => {});
  }
  announce("decoder", hash);
}

/** Return the session of a checkpoint's decoder, made once; rejects where wasm or the file does not work. @param {string} hash */
export function sessionOf(hash) {
  const model = models.get(hash);
  if (!model) return Promise.reject(new Error("the decoder has not arrived yet"));
  runtime ??= loadRuntime();
  if (!model.session) {
    model.session = runtime.then((ort) => ort.InferenceSession.create(model.bytes, { executionProviders: ["wasm"] }));
    model.session.catch((error) => fail(hash, model, error));
  }
  return model.session;
}

/** @param {string} hash @param {Model} model @param {unknown} error */
function fail(hash, model, error) {
  model.failed ??= error;
  announce("decoder", hash);
}

/** Decode z, one after another, and hand the picture to `paint`; rejects where the decoder has not arrived or does not work. @param {string} hash @param {Float32Array} z @param {Paint} paint */
export async function decodeNow(hash, z, paint) {
  const session = await sessionOf(hash);
  const ort = await runtime;
  const begin = performance.now();
  const out = await session.run({ z: new ort.Tensor("float32", z, [1, z.length]) });
  paint(out.image.data, performance.now() - begin);
  out.image.dispose?.();
}

/** Return the posterior mean of a picture. @param {string} hash @param {Float32Array} picture @param {import("./live.js").Shape} shape */
export async function encodeNow(hash, picture, shape) {
  const session = /** @type {any} */ (await sessionOf(encoderName(hash)));
  const ort = await runtime;
  const out = await session.run({ image: new ort.Tensor("float32", picture, [1, ...shape]) });
  const code = Float32Array.from(out.mu.data);
  for (const each of Object.values(out)) /** @type {any} */ (each).dispose?.();
  return code;
}

/**
 * Decode z and hand the picture to `paint`. Only the latest wish is kept while one is being decoded, so a fast drag
 * never queues up.
 *
 * @param {string} hash
 * @param {Float32Array} z
 * @param {Paint} paint
 */
export async function decodeLatest(hash, z, paint) {
  const model = models.get(hash);
  if (!model || model.failed) return;
  model.wanted = { z, paint };
  if (model.busy) return;
  model.busy = true;
  try {
    const session = await sessionOf(hash);
    const ort = await runtime;
    while (model.wanted) {
      const wish = model.wanted;
      model.wanted = null;
      const begin = performance.now();
      const out = await session.run({ z: new ort.Tensor("float32", wish.z, [1, wish.z.length]) });
      wish.paint(out.image.data, performance.now() - begin);
      out.image.dispose?.();
    }
  } catch (error) {
    fail(hash, model, error);
  } finally {
    model.busy = false;
  }
}
