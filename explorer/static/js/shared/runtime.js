// onnxruntime-web as it lies in explorer/static.

const PLACE = new URL("../../", import.meta.url).href;
const VERSION = "?v=1.30.0"; // of onnxruntime-web: a browser must not mix its cached files with new ones

/** Return onnxruntime-web, set to one thread. */
export async function loadRuntime() {
  const ort = await import(`${PLACE}ort.wasm.min.mjs${VERSION}`);
  ort.env.wasm.numThreads = 1; // threads need cross-origin isolation, and the cores are the server's too
  ort.env.wasm.proxy = false;
  const file = `${PLACE}ort-wasm-simd-threaded`;
  ort.env.wasm.wasmPaths = { mjs: `${file}.mjs${VERSION}`, wasm: `${file}.wasm${VERSION}` };
  return ort;
}
