// Shared by all components of this folder: it is put in front of each component's own script, because a script of a
// component is loaded from a blob and cannot import a neighbour. What must exist once per browser page lives in `live`.

const live = (globalThis.__gwaeLive ??= {
  runtime: null, // promise of onnxruntime-web
  models: new Map(), // checkpoint hash -> {bytes, session, failed, wanted, busy}
  bus: new EventTarget(), // how the panel, the pad and the sheet talk to one another without the server
  sequence: 0, // rises with every change made in the browser; the server echoes it, so late answers are known as such
});

const KEPT_MODELS = 2;

/** Remember the decoder of a checkpoint; older ones are released, so memory stays bounded. */
function offerDecoder(hash, bytes) {
  if (live.models.has(hash)) return;
  live.models.set(hash, { bytes, session: null, failed: null, wanted: null, busy: false });
  for (const [old, model] of live.models) {
    if (live.models.size <= KEPT_MODELS) break;
    live.models.delete(old);
    model.session?.then((session) => session.release()).catch(() => {});
  }
  live.bus.dispatchEvent(new CustomEvent("decoder", { detail: hash }));
}

async function loadRuntime(base) {
  const ort = await import(`${base}/ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1; // threads need cross-origin isolation, and the cores are the server's too
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmPaths = {
    mjs: `${base}/ort-wasm-simd-threaded.mjs`,
    wasm: `${base}/ort-wasm-simd-threaded.wasm`,
  };
  return ort;
}

/** Session of a checkpoint's decoder, made once; rejects where wasm or the file does not work. */
function sessionOf(hash, base) {
  const model = live.models.get(hash);
  if (!model) return Promise.reject(new Error("the decoder has not arrived yet"));
  live.runtime ??= loadRuntime(base);
  if (!model.session) {
    model.session = live.runtime
      .then((ort) => ort.InferenceSession.create(model.bytes, { executionProviders: ["wasm"] }))
      .finally(() => (model.bytes = null)); // the session has its own copy
    model.session.catch((error) => {
      model.failed = error;
      live.bus.dispatchEvent(new CustomEvent("decoder", { detail: hash }));
    });
  }
  return model.session;
}

/**
 * Decode z and hand the picture to paint(pixels, milliseconds). Only the latest wish is kept while one is being
 * decoded, so a fast drag never queues up.
 */
async function decodeLatest(hash, base, z, paint) {
  const model = live.models.get(hash);
  if (!model || model.failed) return;
  model.wanted = { z, paint };
  if (model.busy) return;
  model.busy = true;
  try {
    const session = await sessionOf(hash, base);
    const ort = await live.runtime;
    while (model.wanted) {
      const job = model.wanted;
      model.wanted = null;
      const begin = performance.now();
      const out = await session.run({ z: new ort.Tensor("float32", job.z, [1, job.z.length]) });
      job.paint(out.image.data, performance.now() - begin);
      out.image.dispose?.();
    }
  } catch (error) {
    model.failed ??= error;
    live.bus.dispatchEvent(new CustomEvent("decoder", { detail: hash }));
  } finally {
    model.busy = false;
  }
}

/** Base64 of 8-bit pixels, channel by channel -> floats in [0, 1] in the same order. */
function floatsOf(base64) {
  const text = atob(base64);
  const pixels = new Float32Array(text.length);
  for (let i = 0; i < text.length; i++) pixels[i] = text.charCodeAt(i) / 255;
  return pixels;
}

/** Paint floats (C, H, W) in [0, 1] on a canvas at one canvas pixel per pixel; CSS enlarges it, crisply. */
function paintPicture(canvas, pixels, [channels, height, width]) {
  const context = sized(canvas, width, height);
  const image = context.createImageData(width, height);
  const area = width * height;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.round(255 * pixels[(channels === 3 ? c * area : 0) + i]);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// ColorBrewer RdBu without its middle: too little is blue, too much is red, and no difference is the page itself.
const BELOW = [[33, 102, 172], [67, 147, 195]];
const ABOVE = [[178, 24, 43], [214, 96, 77]];

/** Paint picture - reference, diverging around zero; channels are averaged. */
function paintDifference(canvas, pixels, reference, [channels, height, width], dark) {
  const context = sized(canvas, width, height);
  const image = context.createImageData(width, height);
  const area = width * height;
  for (let i = 0; i < area; i++) {
    let difference = 0;
    for (let c = 0; c < channels; c++) difference += pixels[c * area + i] - reference[c * area + i];
    const [r, g, b] = diverging(difference / channels, dark);
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function diverging(value, dark) {
  const strength = Math.min(1, Math.abs(value)) ** 0.7; // small differences stay visible
  const zero = dark ? [29, 33, 40] : [247, 247, 247];
  const end = (value < 0 ? BELOW : ABOVE)[dark ? 1 : 0];
  return zero.map((from, i) => Math.round(from + strength * (end[i] - from)));
}

function sized(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return canvas.getContext("2d");
}

function rootMeanSquare(pixels, reference) {
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum += (pixels[i] - reference[i]) ** 2;
  return Math.sqrt(sum / pixels.length);
}

/** "RMSE 0.081 · 21.8 dB" */
function errorText(rmse) {
  const decibel = rmse > 1e-6 ? `${(-20 * Math.log10(rmse)).toFixed(1)} dB` : "identical";
  return `RMSE ${rmse.toFixed(3)} · ${decibel}`;
}

/** Whether the page is dark, judged by the background Streamlit hands to components. */
function isDark(element) {
  const colour = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1];
  const parts = hex ? [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)) : (colour.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.3 * parts[0] + 0.6 * parts[1] + 0.1 * parts[2] < 128;
}

/** Where Streamlit serves explorer/static; `prefix` is server.baseUrlPath. */
function staticBase(prefix) {
  const path = prefix.replace(/^\/+|\/+$/g, "");
  return `${location.origin}${path ? `/${path}` : ""}/app/static`;
}

const round3 = (value) => Math.round(value * 1000) / 1000;

function element(tag, className, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
