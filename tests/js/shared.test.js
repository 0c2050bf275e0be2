// Pure functions of explorer/static/js/shared. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { axisLabel } from "../../explorer/static/js/shared/axes.js";
import { diverging, parseColour } from "../../explorer/static/js/shared/colour.js";
import { curve, densityAt, unpacked } from "../../explorer/static/js/shared/density.js";
import { arrow, followPointer, keyed } from "../../explorer/static/js/shared/gestures.js";
import { announce, listen } from "../../explorer/static/js/shared/live.js";
import {
  axesText,
  clamp,
  nearestPlace,
  percent,
  round3,
  share,
  signed,
} from "../../explorer/static/js/shared/numbers.js";
import {
  bytesOf,
  drawTile,
  errorText,
  floatsOf,
  paintPicture,
  rootMeanSquare,
} from "../../explorer/static/js/shared/pictures.js";
import { delayed, repeated } from "../../explorer/static/js/shared/reports.js";

const close = (actual, expected, within = 1e-6) => assert.ok(Math.abs(actual - expected) <= within, `${actual}`);

// ---------------------------------------------------------------- numbers

test("values stay between the ends", () => {
  assert.deepEqual(
    [-1, 0.3, 7].map((value) => clamp(value)),
    [0, 0.3, 1],
  );
  assert.equal(clamp(7, -2, 5), 5);
  assert.equal(share(3, 1, 5), 0.5);
  assert.equal(share(9, 1, 5), 1);
});

test("numbers are written with a real minus, and zero without any", () => {
  assert.equal(signed(-1.234), "−1.23");
  assert.equal(signed(-0.004), "0.00");
  assert.equal(signed(2), "2.00");
  assert.equal(round3(0.12349), 0.123);
});

test("the nearest value is the first of those that are as near", () => {
  assert.equal(nearestPlace([5, 4, 3, 2], 2.6), 2);
  assert.equal(nearestPlace([1, 3], 2), 0);
  assert.equal(nearestPlace([], 2), -1);
});

test("small shares keep a digit more", () => {
  assert.equal(percent(0.0421), "4.2 %");
  assert.equal(percent(0.0042), "0.42 %");
  assert.equal(percent(0), "0.0 %");
});

test("axes are named and counted", () => {
  assert.equal(axisLabel({ i: 3, carries: "object hue (0.91)" }), "z3, object hue (0.91)");
  assert.equal(axisLabel({ i: 3, carries: "" }), "z3");
  assert.deepEqual([1, 2].map(axesText), ["1 axis", "2 axes"]);
});

// ---------------------------------------------------------------- colour

test("no difference is the page, and too much is the opposite of too little", () => {
  assert.deepEqual(diverging(0, false), [247, 247, 247]);
  assert.deepEqual(diverging(0, true), [29, 33, 40]);
  assert.deepEqual(diverging(1, false), [178, 24, 43]);
  assert.deepEqual(diverging(-1, false), [33, 102, 172]);
  assert.deepEqual(diverging(-5, true), [67, 147, 195]);
  const [red, , blue] = diverging(0.1, false);
  assert.ok(red > blue);
});

test("Streamlit's colours are read however they are written", () => {
  assert.deepEqual(parseColour("#1D2128"), [29, 33, 40]);
  assert.deepEqual(parseColour("rgb(29, 33, 40)"), [29, 33, 40]);
  assert.deepEqual(parseColour("rgba(29, 33, 40, 0.5)"), [29, 33, 40]);
  assert.deepEqual(parseColour("white"), [255, 255, 255]);
});

// ---------------------------------------------------------------- pictures

test("bytes and pixels come out of base64", () => {
  assert.deepEqual([...bytesOf(btoa("\x00\x7f\xff"))], [0, 127, 255]);
  const pixels = floatsOf(btoa("\x00\x33\xff"));
  assert.ok(pixels instanceof Float32Array);
  close(pixels[1], 0.2);
  assert.equal(pixels[2], 1);
});

test("channels lie one after the other, and a single one is grey", () => {
  const painted = (pixels, shape) => {
    const data = new Uint8ClampedArray(4 * shape[1] * shape[2]);
    const context = { createImageData: () => ({ data }), putImageData() {} };
    paintPicture({ getContext: () => context }, Float32Array.from(pixels), shape);
    return [...data];
  };
  assert.deepEqual(painted([0, 1, 0.2, 0.4, 1, 0], [3, 1, 2]), [0, 51, 255, 255, 255, 102, 0, 255]);
  assert.deepEqual(painted([0, 0.6], [1, 1, 2]), [0, 0, 0, 255, 153, 153, 153, 255]);
});

test("the error is that of all pixels, also in decibel", () => {
  const [a, b] = [Float32Array.of(0, 0.5, 1, 1), Float32Array.of(0.2, 0.5, 1, 0.8)];
  close(rootMeanSquare(a, b), Math.sqrt(0.02));
  assert.equal(errorText(a, b), "RMSE 0.141 · 17.0 dB");
  assert.equal(errorText(a, a), "RMSE 0.000 · identical");
});

// ---------------------------------------------------------------- densities

test("a tile of a sheet is drawn from its row and column, in its own size or in another", () => {
  const drawn = [];
  const context = /** @type {any} */ ({ drawImage: (...all) => drawn.push(all) });
  const sheet = { image: /** @type {any} */ ("sheet"), columns: 3, width: 10, height: 20 };
  drawTile(context, sheet, 0);
  drawTile(context, sheet, 5, [7, 8]);
  drawTile(context, sheet, 7, [1, 2], [44, 45]);
  assert.deepEqual(drawn, [
    ["sheet", 0, 0, 10, 20, 0, 0, 10, 20],
    ["sheet", 20, 20, 10, 20, 7, 8, 10, 20],
    ["sheet", 10, 40, 10, 20, 1, 2, 44, 45],
  ]);
});

test("a density is read between its points, and is 0 beyond the grid", () => {
  const density = [0, 1, 0.5];
  assert.deepEqual(
    [-1, -0.5, 0, 0.5, 1].map((value) => densityAt(density, -1, 1, value)),
    [0, 0.5, 1, 0.75, 0.5],
  );
  assert.equal(densityAt(density, -1, 1, 1.01), 0);
  assert.equal(densityAt(density, -1, 1, -1.01), 0);
});

test("levels are shares of the peak", () => {
  assert.deepEqual(unpacked(btoa(String.fromCharCode(0, 75, 150)), 150), [0, 0.5, 1]);
});

test("a curve goes from edge to edge, and what is too high is cut off", () => {
  assert.deepEqual(curve([0, 1, 5], 2), ["0.0,98.0", "50.0,51.0", "100.0,4.0"]);
});

// ---------------------------------------------------------------- the hand

test("keys move a slider as far as they should", () => {
  const slider = { value: 0, low: -2, high: 3, step: 0.05 };
  const at = (key, shiftKey = false) => keyed({ key, shiftKey }, slider);
  close(at("ArrowRight"), 0.05);
  close(at("ArrowDown"), -0.05);
  close(at("ArrowUp", true), 0.5);
  close(at("PageDown"), -0.5);
  assert.deepEqual([at("Home"), at("End"), at("a"), at("Tab")], [-2, 3, undefined, undefined]);
  assert.equal(keyed({ key: "ArrowRight", shiftKey: false }, { ...slider, value: 2.99 }), 3);
  assert.deepEqual(
    [arrow("ArrowLeft"), arrow("ArrowUp"), arrow("x")],
    [
      [-1, 0],
      [0, 1],
      [0, 0],
    ],
  );
});

test("the pointer is followed from where it is pressed until it is let go", () => {
  const said = [];
  const area = {
    setPointerCapture() {},
    getBoundingClientRect: () => ({ left: 10, top: 20, width: 100, height: 200 }),
  };
  followPointer(area, { begin: () => said.push("begin"), move: (...at) => said.push(at), end: () => said.push("end") });
  area.onpointermove({ clientX: 50, clientY: 50 });
  area.onpointerdown({ clientX: 10, clientY: 220 });
  area.onpointermove({ clientX: 60, clientY: 70 });
  area.onpointermove({ clientX: 500, clientY: -70 });
  area.onpointerup();
  area.onpointercancel();
  area.onpointermove({ clientX: 50, clientY: 50 });
  assert.deepEqual(said, ["begin", [0, 0], [0.5, 0.75], [1, 1], "end"]);
});

// ---------------------------------------------------------------- messages and reports

test("messages reach every listener, until they stop", () => {
  const heard = [];
  const stop = listen({ answered: (sequence) => heard.push(sequence), edit: (edits) => heard.push(edits) });
  announce("answered", 3);
  announce("edit", { 1: 0.5 });
  announce("commit", undefined);
  stop();
  announce("answered", 4);
  assert.deepEqual(heard, [3, { 1: 0.5 }]);
});

/** Run with clocks that go only when asked to. */
function timed(run) {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    run((milliseconds) => mock.timers.tick(milliseconds));
  } finally {
    mock.timers.reset();
  }
}

test("a series of key presses is one change", () =>
  timed((pass) => {
    const act = mock.fn();
    const rest = delayed(act, 250);
    for (let i = 0; i < 5; i++) {
      rest.start();
      pass(200);
    }
    assert.equal(act.mock.callCount(), 0);
    pass(50);
    assert.equal(act.mock.callCount(), 1);
    rest.flush();
    assert.equal(act.mock.callCount(), 1, "nothing was pending");
    rest.start();
    rest.flush();
    assert.equal(act.mock.callCount(), 2);
    rest.start();
    rest.stop();
    pass(1000);
    assert.equal(act.mock.callCount(), 2);
  }));

test("a report is sent again until it is answered", () =>
  timed((pass) => {
    const send = mock.fn();
    const report = repeated(send, 100);
    report.start();
    assert.equal(send.mock.callCount(), 1);
    pass(100);
    pass(100);
    assert.equal(send.mock.callCount(), 3);
    report.answered();
    pass(1000);
    assert.equal(send.mock.callCount(), 3);
  }));

test("where the server may only be busy, patience grows and ends", () =>
  timed((pass) => {
    const send = mock.fn();
    repeated(send, 100, 2, 3).start();
    const counts = [100, 199, 1, 399, 1, 10_000].map((milliseconds) => {
      pass(milliseconds);
      return send.mock.callCount();
    });
    assert.deepEqual(counts, [2, 2, 3, 3, 4, 4]);
  }));

test("a second release takes the first one's place", () =>
  timed((pass) => {
    const send = mock.fn();
    const report = repeated(send, 100, 2, 3);
    report.start();
    pass(90);
    report.start();
    pass(90);
    assert.equal(send.mock.callCount(), 2);
    pass(10);
    assert.equal(send.mock.callCount(), 3);
  }));
