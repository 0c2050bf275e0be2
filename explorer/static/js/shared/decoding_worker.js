// A thread that decodes: it is given decoders and codes, and hands back pictures.

import { loadRuntime } from "./runtime.js";

/** @typedef {{ hash: string, bytes?: Uint8Array, z?: Float32Array, id?: number }} Order */

const scope = /** @type {any} */ (globalThis);
const runtime = loadRuntime();
/** @type {Map<string, Promise<any>>} */
const sessions = new Map();

scope.onmessage = async (/** @type {MessageEvent<Order>} */ { data: { hash, bytes, z, id } }) => {
  try {
    const ort = await runtime;
    if (bytes) sessions.set(hash, ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
    if (!z) return;
    const session = await sessions.get(hash);
    const out = await session.run({ z: new ort.Tensor("float32", z, [1, z.length]) });
    const pixels = Float32Array.from(out.image.data);
    out.image.dispose?.();
    scope.postMessage({ id, pixels }, [pixels.buffer]);
  } catch (error) {
    scope.postMessage({ id, error: String(error) });
  }
};
