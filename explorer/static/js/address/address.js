// Streamlit adds an entry to the history when a page opens, without parameters, and another one for its parameters.
// The second is none of its own: Back would lead to the same view.

const push = history.pushState.bind(history);

/** Return whether a new address only completes the present one. @param {URL} now @param {URL} next */
export const completes = (now, next) => now.pathname === next.pathname && !now.search && next.search !== "";

history.pushState = (state, unused, url) => {
  const next = new URL(url ?? location.href, location.href);
  if (completes(new URL(location.href), next)) history.replaceState(state, unused, url);
  else push(state, unused, url);
};

export default function () {}
