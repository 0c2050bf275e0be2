// The start of every component, which Streamlit keeps in the page: it fetches the component's module from the server.
// `served` is written in front of it (explorer/components/register.py).

const { path, entry, version, files } = served;
const root = `${location.origin}${path}`;
const page = /** @type {{ __gwaeVersion?: string, __gwaeReady?: Promise<void> }} */ (globalThis);

/** Fetch all modules anew where the browser keeps those of another version: it may do so for days without asking. */
async function renew() {
  if (localStorage.getItem(path) === version) return;
  await Promise.all(files.map(async (file) => (await fetch(`${root}/${file}`, { cache: "reload" })).arrayBuffer()));
  localStorage.setItem(path, version);
}

async function load() {
  page.__gwaeVersion ??= version;
  if (page.__gwaeVersion !== version) location.reload(); // the server was updated, and modules stay for a page's life
  page.__gwaeReady ??= renew().catch(() => {}); // no storage: as fresh as the browser likes
  await page.__gwaeReady;
  return (await import(`${root}/${entry}?v=${version}`)).default;
}

/** @param {{ parentElement: HTMLElement }} component */
function missing({ parentElement }) {
  parentElement.textContent = `This part of the page could not be loaded from ${root}. Check that the server runs with server.enableStaticServing, then reload the page.`;
}

export default await load().catch(() => missing);
