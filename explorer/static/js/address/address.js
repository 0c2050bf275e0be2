// Streamlit adds an entry to the history when a page opens, and others for the parameters that the page then writes: Back
// would lead to the same view again. On the way to the first page it even writes them under the old page's address.

const push = history.pushState.bind(history);
const SOON = 300; // ms within which two entries are one step
let last = -SOON;

/** Return whether a new address only completes the present one: a page's first parameters, or its checkpoint. @param {URL} now @param {URL} next */
export function completes(now, next) {
  if (now.pathname !== next.pathname) return false;
  const added = new URLSearchParams(next.search);
  added.delete("checkpoint");
  return next.search !== "" && (now.search === "" || String(added) === String(new URLSearchParams(now.search)));
}

history.pushState = (state, unused, url) => {
  const next = new URL(url ?? location.href, location.href);
  const soon = performance.now() - last < SOON;
  const whole = completes(new URL(location.href), next);
  // What completes an entry begins no step: were it to, a page opened right after would take that entry's place.
  if (soon || !whole) last = performance.now();
  if (soon || whole) history.replaceState(state, unused, url);
  else push(state, unused, url);
};

export default function () {}
