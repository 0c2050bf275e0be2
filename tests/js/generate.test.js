// Codes of page Generate, and the fold of many axes. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen } from "../../explorer/static/js/live_decoder/fold.js";
import { between, codesOf, scaled } from "../../explorer/static/js/samples/codes.js";
import { Thread } from "../../explorer/static/js/samples/crew.js";
import { offerDecoder } from "../../explorer/static/js/shared/decoder.js";

const base64 = (values) => Buffer.from(new Float32Array(values).buffer).toString("base64");

test("codes are read row by row", () => {
  const { codes, centres } = codesOf({
    codes: base64([1, 2, 3, 4, 5, 6]),
    centres: base64([0, 0, 1, 1, 2, 2]),
    z_dim: 2,
  });
  assert.deepEqual([...codes(1)], [3, 4]);
  assert.deepEqual([...centres(2)], [2, 2]);
  assert.equal(codesOf({ codes: base64([1, 2]), centres: null, z_dim: 2 }).centres, undefined);
});

test("the temperature scales the distance from the centre", () => {
  const code = new Float32Array([3, -1]);
  assert.deepEqual([...scaled(code, new Float32Array([1, 1]), 0.5)], [2, 0]);
  assert.deepEqual([...scaled(code, undefined, 0)], [0, 0]);
  assert.deepEqual([...scaled(code, new Float32Array([1, 1]), 1)], [3, -1]);
});

test("a path goes straight from one code to the other", () => {
  const [from, to] = [new Float32Array([0, 4]), new Float32Array([8, 0])];
  assert.deepEqual([...between(from, to, 0)], [...from]);
  assert.deepEqual([...between(from, to, 0.25)], [2, 3]);
  assert.deepEqual([...between(from, to, 1)], [...to]);
});

test("of many axes the strongest and the moved ones are shown, or those that are searched for", () => {
  const axes = Array.from({ length: 64 }, (_, i) => ({
    i: 63 - i,
    live: true,
    carries: i === 40 ? "smile (0.8)" : "",
  }));
  assert.deepEqual(chosen(axes, 3, new Set(), ""), [63, 62, 61]);
  assert.deepEqual(chosen(axes, 2, new Set([5]), ""), [63, 62, 5]);
  assert.deepEqual(chosen(axes, 2, new Set([5]), " z12 "), [12]);
  assert.deepEqual(chosen(axes, 2, new Set([5]), "12"), [12]);
  assert.deepEqual(chosen(axes, 2, new Set(), "SMILE"), [23]);
  assert.deepEqual(chosen(axes, 2, new Set(), "z99"), []);
  assert.equal(chosen(axes, Infinity, new Set(), "").length, 64);
});

test("a thread is given each decoder once, and its answers find their pictures", async () => {
  const posted = [];
  const worker = { postMessage: (order) => posted.push(order), terminate() {}, onmessage: null, onerror: null };
  const thread = new Thread(worker);
  const z = new Float32Array([1]);
  await assert.rejects(
    thread.decode("absent", z, () => {}),
    /has not arrived/,
  );
  offerDecoder("here", new Uint8Array([7]));
  const painted = [];
  const first = thread.decode("here", z, (pixels) => painted.push(["first", ...pixels]));
  const second = thread.decode("here", z, (pixels) => painted.push(["second", ...pixels]));
  assert.deepEqual(
    posted.map(({ hash, bytes, id }) => [hash, Boolean(bytes), id]),
    [
      ["here", true, undefined],
      ["here", false, 1],
      ["here", false, 2],
    ],
  );
  worker.onmessage({ data: { id: 2, pixels: new Float32Array([2]) } });
  await second;
  worker.onmessage({ data: { id: 1, error: "no memory" } });
  await assert.rejects(first, /no memory/);
  assert.deepEqual(painted, [["second", 2]]);
  const third = thread.decode("here", z, () => {});
  worker.onerror();
  await assert.rejects(third, /cannot be started/);
});
