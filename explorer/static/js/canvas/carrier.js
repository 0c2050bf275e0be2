// Brings the encoder's weights to the browser: 12 characters of the checkpoint's hash, then encoder.onnx.

import { encoderName, offerDecoder } from "../shared/decoder.js";

/** @param {import("../shared/dom.js").Component<unknown>} component */
export default function ({ data }) {
  if (!(data instanceof Uint8Array)) return;
  offerDecoder(encoderName(new TextDecoder().decode(data.subarray(0, 12))), data.slice(12));
}
