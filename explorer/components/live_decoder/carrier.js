// Brings the decoder's weights to the browser: 12 characters of the checkpoint's hash, then decoder.onnx.

export default function (component) {
  const bytes = component.data;
  if (!(bytes instanceof Uint8Array)) return;
  offerDecoder(new TextDecoder().decode(bytes.subarray(0, 12)), bytes.slice(12));
}
