// One entry of the history for each view.

import assert from "node:assert/strict";
import { test } from "node:test";

const pushed = [];
globalThis.location = { href: "http://a/" };
globalThis.history = {
  pushState: (_state, _unused, url) => pushed.push(["push", url]),
  replaceState: (_state, _unused, url) => pushed.push(["replace", url]),
};
const { completes } = await import("../../explorer/static/js/address/address.js");
const url = (path) => new URL(path, "http://a");

test("a page's first parameters and its checkpoint complete its entry, a changed view is another", () => {
  assert.ok(completes(url("/traverse"), url("/traverse?model=m")));
  assert.ok(completes(url("/traverse?model=m"), url("/traverse?model=m&checkpoint=c")));
  assert.ok(!completes(url("/traverse?model=m"), url("/traverse?model=m&view=pad")));
  assert.ok(!completes(url("/traverse?model=m"), url("/clusters?model=m")));
  assert.ok(!completes(url("/traverse?model=m&view=pad"), url("/traverse")));
});

test("what follows at once is the same step", () => {
  history.pushState({}, "", "/clusters");
  history.pushState({}, "", "/traverse?model=m");
  assert.deepEqual(pushed, [
    ["push", "/clusters"],
    ["replace", "/traverse?model=m"],
  ]);
});

test("a page opened right after the one before was completed does not take its place", async () => {
  await new Promise((done) => setTimeout(done, 350));
  pushed.length = 0;
  location.href = "http://a/?model=m";
  history.pushState({}, "", "/?model=m&checkpoint=c");
  history.pushState({}, "", "/traverse");
  assert.deepEqual(pushed, [
    ["replace", "/?model=m&checkpoint=c"],
    ["push", "/traverse"],
  ]);
});
