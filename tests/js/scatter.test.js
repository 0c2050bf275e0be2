// Pure functions of the map. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shares } from "../../explorer/static/js/crosstab/crosstab.js";
import { blobOf, keepBlob } from "../../explorer/static/js/scatter/blobs.js";
import { floatsOfHalves, gap, mixed, packed, trusted, unpacked } from "../../explorer/static/js/scatter/codes.js";
import { boundsOf, Grid, inside, towards } from "../../explorer/static/js/scatter/grid.js";
import { paintMap, paintPoints, radiusOf } from "../../explorer/static/js/scatter/paint.js";
import { Points } from "../../explorer/static/js/scatter/points.js";
import { View } from "../../explorer/static/js/scatter/view.js";

const close = (actual, expected, within = 1e-9) => assert.ok(Math.abs(actual - expected) <= within, `${actual}`);

/** Numbers in [0, 1) that are the same every time. */
function numbers(count, seed = 1) {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  });
}

const sorted = (xy, x, y) =>
  Array.from({ length: xy.length / 2 }, (_, i) => [Math.hypot(xy[2 * i] - x, xy[2 * i + 1] - y), i])
    .sort((a, b) => a[0] - b[0])
    .map(([, i]) => i);

// ---------------------------------------------------------------- the view

test("a pixel leads to its place and back, and zooming keeps the place below the pointer", () => {
  const view = new View();
  view.resize(800, 500);
  view.fit([-3, 1, 5, 4]);
  for (const corner of [
    [-3, 1],
    [5, 4],
  ]) {
    const [px, py] = view.pixel(...corner);
    assert.ok(px >= 28 - 1e-9 && px <= 772 + 1e-9 && py >= 28 && py <= 472);
  }
  assert.ok(view.pixel(0, 4)[1] < view.pixel(0, 1)[1], "up is up");
  const before = view.place(123, 77);
  view.zoom(2.5, 123, 77);
  const after = view.place(123, 77);
  close(after[0], before[0]);
  close(after[1], before[1]);
  view.pan(10, -4);
  const [px, py] = view.pixel(...before);
  close(px, 133, 1e-6);
  close(py, 73, 1e-6);
});

test("zooming ends somewhere, and another size of the field keeps the middle", () => {
  const view = new View();
  view.resize(600, 600);
  view.fit([0, 0, 1, 1]);
  const whole = view.scale;
  for (let i = 0; i < 99; i++) view.zoom(2);
  assert.ok(view.scale <= 400 * whole);
  for (let i = 0; i < 99; i++) view.zoom(0.5);
  assert.ok(view.scale >= 0.5 * whole);
  view.fit([0, 0, 1, 1]);
  const [x, y] = view.place(300, 300);
  view.resize(300, 400);
  assert.deepEqual(view.place(150, 200), [x, y]);
});

// ---------------------------------------------------------------- the cells

test("the nearest points are those that a look at all of them finds", () => {
  const xy = numbers(4000).map((value, i) => (i % 2 ? 3 * value : value));
  const grid = new Grid(xy);
  for (const [x, y] of [
    [0.5, 1.5],
    [0, 0],
    [-4, 9],
    [1, 3],
    [0.2, 1],
  ]) {
    const found = grid.nearest(x, y, 7);
    assert.deepEqual(
      found.map(({ index }) => index),
      sorted(xy, x, y).slice(0, 7),
    );
    for (const { index, distance } of found) close(distance, Math.hypot(xy[2 * index] - x, xy[2 * index + 1] - y));
  }
  const even = grid.nearest(0.4, 1, 5, (index) => index % 2 === 0);
  assert.deepEqual(
    even.map(({ index }) => index),
    sorted(xy, 0.4, 1)
      .filter((i) => i % 2 === 0)
      .slice(0, 5),
  );
});

test("a map of one place, of a line, and of fewer points than are asked for", () => {
  assert.equal(new Grid(Float32Array.from([2, 2, 2, 2])).nearest(2, 2, 6).length, 2);
  const line = Float32Array.from({ length: 200 }, (_, i) => (i % 2 ? 0 : i));
  assert.deepEqual(
    new Grid(line).nearest(40.4, 5, 2).map(({ index }) => index),
    sorted(line, 40.4, 5).slice(0, 2),
  );
  assert.deepEqual(boundsOf(line), [0, 0, 198, 0]);
});

test("a lasso holds what lies inside it, however it is bent", () => {
  const xy = numbers(2000).map((value) => 2 * value - 1);
  const corners = Array.from({ length: 60 }, (_, i) => [0.8 * Math.cos(i / 9.549), 0.8 * Math.sin(i / 9.549)]);
  const flags = inside(xy, 1000, corners);
  for (let i = 0; i < 1000; i++) {
    const radius = Math.hypot(xy[2 * i], xy[2 * i + 1]);
    if (Math.abs(radius - 0.8) > 0.01) assert.equal(flags[i], Number(radius < 0.8));
  }
  const bay = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [0, 0],
    [-1, 1],
  ];
  assert.deepEqual([...inside(Float32Array.from([0, 0.5, 0, -0.5, 5, 0]), 3, bay)], [0, 1, 0]);
  assert.deepEqual([...inside(xy, 3, [])], [0, 0, 0]);
});

test("an arrow key goes to a point in its direction, never back", () => {
  const xy = Float32Array.from([0, 0, 1, 0.1, 2, 0, -1, 0, 0, 1, 0.2, 3]);
  assert.equal(towards(xy, 6, [0, 0], [1, 0], 0.5), 1);
  assert.equal(towards(xy, 6, [0, 0], [1, 0], 1.5), 2);
  assert.equal(towards(xy, 6, [0, 0], [-1, 0], 0.5), 3);
  assert.equal(towards(xy, 6, [0, 0], [0, 1], 0.5), 4);
  assert.equal(towards(xy, 6, [0, 0], [0, -1], 0.5), -1);
});

// ---------------------------------------------------------------- codes

test("16-bit floats are read as they were written", () => {
  const halves = Uint16Array.from([0x0000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x8400]);
  const floats = floatsOfHalves(new Uint8Array(halves.buffer));
  const wanted = [0, 1, -2, 0.333251953125, 65504, 2 ** -24, -(2 ** -14)];
  assert.deepEqual([...floats], wanted);
});

test("the code of a place is that of its neighbours by 1 / distance², and that of a point its own", () => {
  const codes = Float32Array.from([1, 0, 0, 1, 5, 5]);
  const near = [
    { index: 0, distance: 1 },
    { index: 1, distance: 2 },
  ];
  const code = mixed(near, codes, 2, 10);
  close(code[0], 0.8, 1e-6);
  close(code[1], 0.2, 1e-6);
  assert.deepEqual([...mixed([{ index: 2, distance: 0 }, near[0]], codes, 2, 10)].map(Math.round), [5, 5]);
});

test("the gap is the distance to the nearest real code", () => {
  const codes = Float32Array.from([0, 0, 3, 4, 100, 100]);
  close(gap(Float32Array.from([3, 5]), codes, 2), 1);
  close(gap(Float32Array.from([100, 100]), codes, 2), Math.hypot(97, 96), 1e-3);
});

test("trust is that of trainer/latent/reliability.py", () => {
  assert.deepEqual(
    [0, 2, 4, 6, 9].map((distance) => trusted(distance, 2)),
    [1, 1, 0.5, 0, 0],
  );
  assert.deepEqual([trusted(0, 0), trusted(1e-6, 0)], [1, 0]);
});

test("bits travel as text", () => {
  const flags = Uint8Array.from({ length: 21 }, (_, i) => Number(i % 3 === 0));
  const bytes = Uint8Array.from(atob(packed(flags)), (character) => character.charCodeAt(0));
  assert.equal(bytes.length, 3);
  assert.deepEqual([...unpacked(bytes, 21)], [...flags]);
  assert.equal(bytes[0], 0b01001001, "the lowest bit first");
});

test("only the latest bytes are kept", () => {
  for (let i = 0; i < 20; i++) keepBlob(`name ${i}`, Uint8Array.from([i]));
  assert.equal(blobOf("name 0"), undefined);
  assert.deepEqual([...(blobOf("name 19") ?? [])], [19]);
});

// ---------------------------------------------------------------- points

/** Two codes, a prior sample and a centre, as explorer/clusters/points.py writes them. */
function points() {
  const bytes = new Uint8Array(4 * 8 + 2 * 8);
  new Float32Array(bytes.buffer, 0, 8).set([0, 0, 4, 0, 8, 0, 2, 6]);
  new Uint32Array(bytes.buffer, 32, 2).set([70000, 3]);
  new Int16Array(bytes.buffer, 40, 4).set([7, -1, 1999, -1]);
  keepBlob("codes", new Uint8Array(Uint16Array.from([0, 0, 0x3c00, 0, 0x4000, 0, 0, 0x3c00]).buffer));
  const data = { count: 2, samples: 1, badges: [{ title: "", at: [2, 6] }], codes: "codes", z_dim: 2 };
  return new Points(bytes, { ...data, usual: { map: 1, code: 1 } });
}

test("points are read from the server's bytes", () => {
  const made = points();
  assert.deepEqual([...made.rows], [70000, 3]);
  assert.deepEqual([...made.labels], [7, -1]);
  assert.deepEqual([...made.tiles], [1999, -1]);
  assert.deepEqual([...(made.code(2) ?? [])], [2, 0]);
  assert.equal(made.pick(7.8, 0, 0.5, false), -1, "what is not shown is not meant");
  assert.equal(made.pick(7.8, 0, 0.5, true), 2);
});

test("a place is trusted near codes alone, not near what was only drawn", () => {
  const made = points();
  assert.equal(made.mix(0, 0)?.trust, 1);
  assert.equal(made.mix(2, 6)?.trust, 0, "a centre far from all codes");
  assert.equal(made.mix(2, 6)?.near.length, 4);
});

// ---------------------------------------------------------------- paint

const image = (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) });
const pixel = ({ width, data }, x, y) => [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)];
const rgb = Uint8Array.from([255, 0, 0, 0, 0, 255, 90, 90, 90]);

test("a point is painted where the view has it, in its colour, and nowhere else", () => {
  const view = new View();
  view.resize(60, 40);
  view.fit([0, 0, 10, 10], 5);
  const look = { rgb, ground: [250, 250, 250], radius: 3, alpha: 1 };
  const picture = image(60, 40);
  const seen = {
    xy: Float32Array.from([5, 5, 0, 0, 500, 5]),
    count: 3,
    samples: 0,
    colours: Uint8Array.from([0, 1, 0]),
  };
  paintMap(picture, seen, view, 1, look, null);
  const [red, green, blue] = pixel(picture, ...view.pixel(5, 5).map(Math.floor));
  assert.ok(red > 240 && green < 20 && blue < 20);
  assert.ok(pixel(picture, ...view.pixel(0, 0).map(Math.floor))[2] > 240);
  assert.deepEqual(pixel(picture, 58, 2), [250, 250, 250]);
});

test("chosen points stand out from the faint rest", () => {
  const view = new View();
  view.resize(60, 40);
  view.fit([0, 0, 10, 10], 5);
  const look = { rgb, ground: [255, 255, 255], radius: 3, alpha: 1 };
  const picture = image(60, 40);
  const seen = { xy: Float32Array.from([2, 5, 8, 5]), count: 2, samples: 0, colours: Uint8Array.from([1, 1]) };
  paintMap(picture, seen, view, 1, look, Uint8Array.from([1, 0]));
  assert.ok(pixel(picture, ...view.pixel(2, 5).map(Math.floor))[0] < 60);
  assert.ok(pixel(picture, ...view.pixel(8, 5).map(Math.floor))[0] > 200);
});

test("a ring is empty in its middle", () => {
  const view = new View();
  view.resize(40, 40);
  view.fit([0, 0, 10, 10], 5);
  const picture = image(40, 40);
  paintPoints(
    picture,
    Float32Array.from([5, 5]),
    [0, 1],
    view,
    1,
    { rgb, ground: [0, 0, 0], radius: 6, alpha: 1 },
    () => 0,
    1,
  );
  assert.deepEqual(pixel(picture, 20, 20), [0, 0, 0]);
  assert.ok(pixel(picture, 26, 20)[0] + pixel(picture, 25, 20)[0] > 200);
});

test("many points are small, and grow with the zoom", () => {
  assert.ok(radiusOf(1_000_000, 1) < radiusOf(100_000, 1));
  assert.ok(radiusOf(100_000, 1) < radiusOf(10_000, 1));
  assert.ok(radiusOf(10_000, 8) > radiusOf(10_000, 1));
});

// ---------------------------------------------------------------- the table

test("a cell is coloured by its share of the row", () => {
  assert.deepEqual(shares([1, 9]), [0.1, 0.9]);
  assert.deepEqual(shares([0, 0]), [0, 0]);
});
