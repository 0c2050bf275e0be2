// The start of every component, which Streamlit keeps in the page: it fetches the component's module from the server.
// `served` is written in front of it (explorer/components/register.py).

const { path, entry, version, files } = served;
const root = `${location.origin}${path}`;
const page = /** @type {{ __gwaeVersion?: string, __gwaeReady?: Promise<void> }} */ (globalThis);

/** Fetch all modules anew where the browser keeps those of another version: it may do so for days without asking. */
async function renew() {
  const kept = localStorage.getItem(path);
  const fetched = kept && kept !== version ? files.map((file) => fetch(`${root}/${file}`, { cache: "reload" })) : [];
  await Promise.all(fetched.map(async (answer) => (await answer).arrayBuffer()));
  localStorage.setItem(path, version);
}

/** Ask for the modules of a folder all at once, not when one after the other names them. @param {string} folder */
function preload(folder) {
  const wanted = files.filter((file) => file.startsWith(folder) && !file.endsWith("_worker.js")); // a worker starts itself
  for (const file of wanted) import(`${root}/${file}`).catch(() => {}); // reported below
}

async function load() {
  page.__gwaeVersion ??= version;
  if (page.__gwaeVersion !== version) location.reload(); // the server was updated, and modules stay for a page's life
  page.__gwaeReady ??= renew().catch(() => {}); // no storage: as fresh as the browser likes
  await page.__gwaeReady;
  for (const folder of ["shared/", entry.slice(0, entry.indexOf("/") + 1)]) preload(folder);
  return (await import(`${root}/${entry}`)).default;
}

/** Say so where the component would be; what has no HTML of its own is silent. @param {{ parentElement: HTMLElement }} component */
function missing({ parentElement }) {
  const text = `This part of the page could not be loaded from ${root}. Check that the server runs with server.enableStaticServing, then reload the page.`;
  parentElement.querySelector("div")?.replaceChildren(text);
}

export default await load().catch(() => missing);
