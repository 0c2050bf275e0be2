// Brings bytes to the browser: 64 characters of their name, filled with blanks, then the bytes.

import { keepBlob } from "./blobs.js";

const NAME = 64;

/** @param {import("../shared/dom.js").Component<unknown>} component */
export default function ({ data }) {
  if (!(data instanceof Uint8Array)) return;
  keepBlob(new TextDecoder().decode(data.subarray(0, NAME)).trim(), data.slice(NAME)); // a copy, so that numbers lie aligned
}
