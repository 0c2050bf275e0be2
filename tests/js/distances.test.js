// Pure functions of the first screen. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { later, offerLater } from "../../explorer/static/js/distances/later.js";
import { sentence } from "../../explorer/static/js/distances/pairs.js";
import {
  distance,
  distances,
  fitted,
  inUnitOf,
  mean,
  pairsOf,
  ranks,
  rowsOf,
  scaleOf,
  spearman,
  spread,
} from "../../explorer/static/js/distances/ranks.js";
import { listen } from "../../explorer/static/js/shared/live.js";
import { eased, move } from "../../explorer/static/js/shared/motion.js";
import { numbersOf } from "../../explorer/static/js/shared/pictures.js";

const close = (actual, expected, within = 1e-9) => assert.ok(Math.abs(actual - expected) <= within, `${actual}`);
const square = [
  [0, 0],
  [3, 0],
  [3, 4],
  [0, 4],
];

test("pairs are in the order of SciPy's condensed distances", () => {
  assert.deepEqual(pairsOf(4), [
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
  assert.equal(pairsOf(12).length, 66);
  assert.deepEqual(distances(square), [3, 5, 4, 4, 5, 3]);
  assert.equal(distance(new Float32Array([1, 2]), [4, 6]), 5);
});

test("equal values share a rank, as in SciPy's rankdata", () => {
  assert.deepEqual(ranks([10, 30, 20, 20]), [1, 4, 2.5, 2.5]);
  assert.deepEqual(ranks([5, 5, 5]), [2, 2, 2]);
});

test("the rank correlation is SciPy's spearmanr, and blind to the scale", () => {
  const [a, b] = [
    [1, 2, 3, 4, 5, 5],
    [2, 1, 4, 3, 7, 5],
  ];
  close(spearman(a, b), 0.8696565534786727); // scipy.stats.spearmanr(a, b).statistic
  close(
    spearman(
      a.map((value) => Math.exp(value)),
      b,
    ),
    spearman(a, b),
  );
  close(spearman([1, 2, 3], [30, 20, 10]), -1);
  assert.equal(spearman([1, 1, 1], [1, 2, 3]), 0);
});

test("distances in proportion lie on the diagonal, whatever their unit", () => {
  const pictures = [4, 8, 9, 12];
  const place = scaleOf(pictures);
  const codes = inUnitOf(
    pictures.map((value) => value / 7),
    pictures,
  );
  close(mean(codes), mean(pictures));
  for (const [at, value] of pictures.entries()) {
    close(place(codes[at]), place(value));
    assert.ok(place(value) > 0 && place(value) < 1);
  }
  assert.equal(place(1000), 1);
});

test("a map fills the board without a change of its form", () => {
  const places = fitted(square, 0.1, 0.75);
  const [width, height] = [places[1][0] - places[0][0], places[2][1] - places[1][1]];
  close(height / width, 4 / 3);
  close(height, 0.55);
  close(mean(places.map(([x]) => x)), 0.5);
  assert.deepEqual(fitted([[2, 2]], 0.1, 0.75), [[0.5, 0.375]]);
});

test("places that fall together are pushed apart, others stay, and none leaves the board", () => {
  const places = spread(
    [
      [0.5, 0.3],
      [0.5, 0.3],
      [0.51, 0.31],
      [0.9, 0.7],
    ],
    0.1,
    0.07,
    0.75,
  );
  assert.ok(Math.min(...distances(places)) > 0.095);
  assert.deepEqual(places[3][0], 0.9);
  const crowded = spread(
    Array.from({ length: 12 }, () => [0.05, 0.05]),
    0.1,
    0.07,
    0.75,
  );
  for (const [x, y] of crowded) assert.ok(x >= 0.07 && x <= 0.93 && y >= 0.07 && y <= 0.68);
});

test("floats travel as base64, in rows", () => {
  const sent = new Float32Array([1, 2, 3, 4, 5, 6]);
  const text = Buffer.from(sent.buffer).toString("base64");
  assert.deepEqual(
    rowsOf(numbersOf(text), 2).map((row) => [...row]),
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  );
});

test("a movement runs from start to end, and is one step where no movement is wanted", () => {
  assert.deepEqual([0, 0.5, 1].map(eased), [0, 0.5, 1]);
  const seen = [];
  globalThis.matchMedia = () => ({ matches: true });
  move(1000, (share) => seen.push(share));
  assert.deepEqual(seen, [1]);
  globalThis.matchMedia = () => ({ matches: false });
  const frames = [];
  globalThis.requestAnimationFrame = (draw) => frames.push(draw);
  globalThis.cancelAnimationFrame = mock.fn();
  const moved = [];
  const stop = move(1000, (share) => moved.push(share));
  for (const time of [5000, 5500, 6000]) frames.shift()(time);
  assert.deepEqual(moved, [0, 0.5, 1]);
  assert.equal(frames.length, 0, "nothing is asked for after the end");
  stop();
  assert.equal(globalThis.cancelAnimationFrame.mock.callCount(), 1);
});

test("every arrangement says what it is, with the number of axes", () => {
  assert.equal(new Set(["own", "vae", "gwae"].map((mode) => sentence(mode, 16))).size, 3);
  assert.match(sentence("vae", 16), /16 axes/);
});

test("what needs the models is kept for a component that is made later", () => {
  const heard = mock.fn();
  const stop = listen({ later: heard });
  assert.equal(later(), null);
  const data = { axes: { hash: "a", rows: [] }, miniatures: {} };
  offerLater(data);
  stop();
  assert.equal(later(), data);
  assert.equal(heard.mock.callCount(), 1);
});
