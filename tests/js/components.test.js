// Pure functions of the components themselves. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { movesOf, percentOfSquares, verdict } from "../../explorer/static/js/factor_stage/model.js";
import { withAxis } from "../../explorer/static/js/live_decoder/naming.js";
import { differs, range } from "../../explorer/static/js/live_decoder/slider.js";
import { spritePlace } from "../../explorer/static/js/live_decoder/tiles.js";
import { follow, movedPairs } from "../../explorer/static/js/live_decoder/twin.js";
import { decoderOf, offerDecoder, sessionOf } from "../../explorer/static/js/shared/decoder.js";
import { mount } from "../../explorer/static/js/shared/dom.js";
import { fileName } from "../../explorer/static/js/shared/figures.js";
import { nearestPlace } from "../../explorer/static/js/shared/numbers.js";
import { ranking } from "../../explorer/static/js/threshold/bars.js";
import { nearestRate } from "../../explorer/static/js/threshold/roc.js";
import { below, histogram, Scale } from "../../explorer/static/js/threshold/scale.js";
import { left } from "../../explorer/static/js/threshold/strips.js";

const close = (actual, expected, within = 1e-9) => assert.ok(Math.abs(actual - expected) <= within, `${actual}`);

// ---------------------------------------------------------------- the life of a component

test("a place on the page keeps its part, hears of new data, and is closed", () => {
  const log = [];
  class Part {
    constructor(parent) {
      log.push(["made", parent.name]);
    }
    update(data) {
      log.push(["update", data]);
      this.tell("moved", data);
    }
    close() {
      log.push(["close"]);
    }
  }
  const entry = mount(Part);
  const [a, b] = [{ name: "a" }, { name: "b" }];
  const reported = [];
  const call = (parentElement, data, run) =>
    entry({ parentElement, data, setTriggerValue: (name, value) => reported.push([run, name, value]) });
  call(a, 1, "first");
  const close = call(a, 2, "second");
  call(b, 3, "third");
  close();
  call(a, 4, "fourth");
  const lives = log.map(([name, value]) => `${name} ${value ?? ""}`.trim());
  assert.deepEqual(lives, ["made a", "update 1", "update 2", "made b", "update 3", "close", "made a", "update 4"]);
  assert.deepEqual(
    reported.map(([run]) => run),
    ["first", "second", "third", "fourth"],
    "always by the latest run",
  );
});

test("only the latest decoders are kept, and one that is missing says so", async () => {
  for (const hash of "abcdef") offerDecoder(hash, new Uint8Array([1]));
  assert.deepEqual(
    [..."abcdef"].map((hash) => Boolean(decoderOf(hash))),
    [false, true, true, true, true, true],
  );
  await assert.rejects(sessionOf("a"), /has not arrived/);
});

// ---------------------------------------------------------------- panel and tiles

test("a slider reaches out to what lies beyond the codes", () => {
  const axis = { low: -2, high: 2 };
  assert.deepEqual(range(axis, 0.5, 1), { low: -2, high: 2 });
  assert.deepEqual(range(axis, -3, 4), { low: -3, high: 4 });
  assert.ok(differs(0.001, 0) && !differs(0.0004, 0) && differs(-1, 1));
});

test("tiles of a sprite lie where CSS looks for them", () => {
  // A background of width W in a box of width w is shifted by p % of (w - W).
  const [n, side] = [5, 32];
  const sprite = n * (side + 2);
  for (let i = 0; i < n; i++) close((spritePlace(i, n, side) / 100) * (sprite - side), i * (side + 2) + 1);
  close((spritePlace(0, 1, side) / 100) * 2, 1);
});

// ---------------------------------------------------------------- factors

test("movements are counted in standard deviations, of axes that show something", () => {
  const axes = [
    { i: 2, live: true, spread: 0.5 },
    { i: 0, live: true, spread: 2 },
    { i: 1, live: false, spread: 1 },
  ];
  const moves = movesOf(axes, [0, 0, 1], [2, 9, 0]);
  assert.deepEqual(moves, [2, 1, 0]);
  assert.deepEqual(
    [0, 1, 2].map((i) => percentOfSquares(moves, i)),
    [80, 20, 0],
  );
});

test("of two models the better is named in both respects, and no reason is given", () => {
  const model = (/** @type {string} */ name, /** @type {number} */ error, /** @type {number} */ most) => ({
    data: { name },
    error,
    most,
  });
  assert.equal(verdict([model("a", 0.1, 50)], "No reason."), "");
  assert.equal(
    verdict([model("a", 0.1, 50), model("b", 0.05, 20)], "No reason."),
    "b reconstructs this picture better: RMSE 0.050 against 0.100. " +
      "a has more of the movement on one axis: 50 % against 20 %. No reason.",
  );
  assert.equal(
    verdict([model("a", 0.1, 0), model("b", 0.1001, 0)], "No reason."),
    "Both reconstruct this picture equally well: RMSE 0.100. No reason.",
  );
});

// ---------------------------------------------------------------- the threshold's axis

const linear = new Scale({ low: -1, high: 3, scale: 0 });
const bent = new Scale({ low: -2, high: 5000, scale: 1.5 });

test("a place on the axis leads back to its value", () => {
  assert.deepEqual([linear.place(1), linear.value(0.25), linear.place(99)], [0.5, 0, 1]);
  for (const scale of [linear, bent]) {
    for (const place of [0, 0.2, 0.7, 1]) close(scale.place(scale.value(place)), place);
  }
  close(bent.value(1), 5000, 1e-6);
  assert.ok(bent.place(10) > 0.3, "large values are drawn together");
});

test("ticks are round numbers inside the axis, with room between them", () => {
  assert.deepEqual(linear.ticks(300), [-1, 0, 1, 2, 3]);
  const ticks = bent.ticks(400);
  assert.ok(ticks.includes(0) && ticks.includes(1000));
  assert.ok(ticks.every((value) => value >= -2 && value <= 5000));
  const places = ticks.map((value) => 400 * bent.place(value)).sort((a, b) => a - b);
  assert.ok(places.every((place, i) => i === 0 || place - places[i - 1] > 46));
  assert.ok(bent.ticks(1600).length > ticks.length);
});

test("scores are counted as a plain count would", () => {
  const scores = Float32Array.from([-3, -1, 0, 0, 0.5, 2, 7]);
  for (const limit of [-4, -3, 0, 0.2, 7, 8]) {
    assert.equal(below(scores, limit), scores.filter((score) => score < limit).length);
    assert.equal(below(scores, limit, true), scores.filter((score) => score <= limit).length);
  }
});

test("bars are shares of all scores, and the ends hold what lies beyond", () => {
  const bars = histogram([-9, -0.9, 0.1, 0.2, 2.5, 99, 100, 101], linear, 4);
  assert.deepEqual(bars, [0.25, 0.25, 0, 0.5]);
  assert.deepEqual(histogram([], linear, 2), [0, 0]);
});

// ---------------------------------------------------------------- the race

test("the score that finds the larger share is on top, equal ones as they come", () => {
  const lines = [
    { found: [1, 4], outliers: 10 },
    { found: [1, 2], outliers: 4 },
    { found: [0, 4], outliers: 10 },
  ];
  assert.deepEqual(ranking(lines, 0), [1, 0, 2]);
  assert.deepEqual(ranking(lines, 1), [1, 0, 2]);
  assert.deepEqual(ranking([{ found: [0], outliers: 0 }], 0), [0]);
});

test("a place under the pointer becomes the nearest rate, and a threshold its own", () => {
  const rates = [0.001, 0.01, 0.1, 0.5];
  assert.deepEqual(
    [0, 0.002, 0.005, 0.04, 0.3, 1].map((rate) => nearestRate(rates, rate)),
    [0, 0, 1, 2, 3, 3],
  );
  assert.deepEqual(
    [99, 4.4, 3, 2.6, -1].map((value) => nearestPlace([5, 4, 3, 2], value)),
    [0, 1, 2, 2, 3],
  );
});

test("accepted pictures lie left of the line and flagged ones right of it", () => {
  const [tile, step] = [44, 48];
  assert.ok(left(4, 5, 400) + tile <= 200 && left(5, 5, 400) >= 200);
  assert.equal(left(6, 5, 400) - left(5, 5, 400), step);
  assert.equal(left(5, 5, 400) - left(5, 5.5, 400), step / 2, "between two rates it is on its way");
});

// ---------------------------------------------------------------- two models side by side, and names

test("the other model's axis of the same rank moves by the same share of its range", () => {
  const axes = [
    { i: 1, low: -2, high: 2 },
    { i: 0, low: 0, high: 1 },
    { i: 2, low: 0, high: 1 },
  ];
  const others = [
    { i: 0, low: -1, high: 1 },
    { i: 1, low: 0, high: 10 },
  ];
  const start = Float32Array.from([0.5, 0, 0.5]);
  const z = Float32Array.from([0.75, -1, 0.9]);
  const pairs = movedPairs(axes, others, z, start);
  assert.deepEqual(
    pairs.map(([a, b]) => [a.i, b.i]),
    [
      [1, 0],
      [0, 1],
    ],
    "an axis without a partner moves alone",
  );
  assert.deepEqual([...follow(pairs, z, start, [5, 5])], [4.5, 7.5]);
  assert.deepEqual(movedPairs(axes, others, start, start), []);
});

test("a code with one axis elsewhere leaves the code as it is", () => {
  const z = Float32Array.from([1, 2, 3]);
  assert.deepEqual([...withAxis(z, 1, -4)], [1, -4, 3]);
  assert.deepEqual([...z], [1, 2, 3]);
});

test("saved figures have names that every system takes", () => {
  assert.equal(fileName("Clusters, a/b <größe> (12)", 1, "svg"), "Clusters-a-b-größe-12-1.svg");
});
