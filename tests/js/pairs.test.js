// The field of page Geometry's pairs. Run by `npm test` and tests/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Frame } from "../../explorer/static/js/pairs/frame.js";

const frame = new Frame({ clientWidth: 162, clientHeight: 154 }, [10, 20]); // a field of 100 x 100 pixels

test("distances grow to the right and upwards", () => {
  assert.equal(frame.x(10) - frame.x(0), 100);
  assert.equal(frame.y(0) - frame.y(20), 100);
});

test("a pixel belongs to one place of the grid, or to none", () => {
  assert.deepEqual(frame.place(frame.x(0.1), frame.y(0.1), 10, 10), [0, 0]);
  assert.deepEqual(frame.place(frame.x(9.9), frame.y(19.9), 10, 10), [9, 9]);
  assert.deepEqual(frame.place(frame.x(5.5), frame.y(3), 10, 10), [5, 1]);
  for (const [x, y] of [
    [-0.1, 1],
    [10.1, 1],
    [1, -0.1],
    [1, 20.1],
  ])
    assert.equal(frame.place(frame.x(x), frame.y(y), 10, 10), null);
});

test("the line ends where it leaves the field", () => {
  const steep = frame.line(4);
  assert.equal(steep.x2, frame.x(5));
  assert.equal(steep.y2, frame.y(20));
  const flat = frame.line(1);
  assert.equal(flat.x2, frame.x(10));
  assert.equal(flat.y2, frame.y(10));
  assert.equal(frame.line(0).y2, frame.y(0));
});
