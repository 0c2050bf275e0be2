// What was drawn, as lines, and as the model's input: size, place and width of the strokes are those of its data.

/** @typedef {[x: number, y: number]} Point shares of the canvas from its upper left corner */
/** @typedef {{ light: boolean, box: number, centre: number[], stroke: number }} Like as explorer/components/canvas */

const FINER = 4; // pixels of the raster to one of the model
const SMALLEST = 0.3; // share of the canvas: smaller drawings, a dot for instance, are not blown up further

/** Draw lines in the colour of the context. @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context @param {Point[][]} strokes @param {number} width @param {(point: Point) => Point} place */
export function drawStrokes(context, strokes, width, place) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    const points = stroke.map(place);
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
    context.stroke();
  }
}

/** Return where a drawing lies: the corner and the longer side of its box. @param {Point[][]} strokes */
export function boxOf(strokes) {
  const [xs, ys] = [0, 1].map((axis) => strokes.flat().map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return { middle: [(left + right) / 2, (top + bottom) / 2], side: Math.max(right - left, bottom - top, SMALLEST) };
}

/** Return the model's input, values of n / 255, (size * size). @param {Point[][]} strokes @param {Like} like @param {number} size @param {OffscreenCanvas} raster */
export function inputOf(strokes, like, size, raster) {
  const side = size * FINER;
  [raster.width, raster.height] = [side, side]; // this clears it as well
  const pixels = new Float32Array(size * size);
  if (strokes.length) {
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      raster.getContext("2d", { willReadFrequently: true })
    );
    const { middle, side: box } = boxOf(strokes);
    const scale = ((like.box - like.stroke) / box) * FINER;
    /** @type {(shift: number[]) => Uint8ClampedArray} */
    const drawn = ([right, down]) => {
      context.clearRect(0, 0, side, side);
      drawStrokes(context, strokes, like.stroke * FINER, ([x, y]) => [
        (x - middle[0]) * scale + side / 2 + right,
        (y - middle[1]) * scale + side / 2 + down,
      ]);
      return context.getImageData(0, 0, side, side).data;
    };
    const [x, y] = massOf(drawn([0, 0]), side);
    const to = like.centre.map((at) => (at + 0.5) * FINER);
    averaged(drawn([to[1] - x, to[0] - y]), size, pixels);
  }
  return like.light ? pixels.map((value) => 1 - value) : pixels;
}

/** Return the centre of mass of the opaque. @param {Uint8ClampedArray} data @param {number} side */
function massOf(data, side) {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < side * side; i++) {
    const weight = data[4 * i + 3];
    sum += weight;
    x += weight * ((i % side) + 0.5);
    y += weight * (Math.floor(i / side) + 0.5);
  }
  return sum ? [x / sum, y / sum] : [side / 2, side / 2];
}

/** @param {Uint8ClampedArray} data @param {number} size @param {Float32Array} pixels */
function averaged(data, size, pixels) {
  const side = size * FINER;
  for (let i = 0; i < side * side; i++) {
    pixels[Math.floor(i / side / FINER) * size + Math.floor((i % side) / FINER)] += data[4 * i + 3];
  }
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(pixels[i] / FINER ** 2) / 255;
}
