// Bytes that came to the browser once, by name.

import { announce } from "../shared/live.js";

const KEPT = 16; // several times what one map has

/** @type {Map<string, Uint8Array>} */
const blobs = new Map();

/** Return bytes, or undefined before they have arrived. @param {string} name */
export const blobOf = (name) => blobs.get(name);

/** @param {string} name @param {Uint8Array} bytes */
export function keepBlob(name, bytes) {
  blobs.delete(name); // the order is that of arrival
  blobs.set(name, bytes);
  for (const old of blobs.keys()) {
    if (blobs.size <= KEPT) break;
    blobs.delete(old);
  }
  announce("blob", name);
}
