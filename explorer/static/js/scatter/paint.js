// Points on a canvas, pixel by pixel: 10,000 take 3 ms and a million 80 ms on one slow core, without WebGL, whose start
// alone takes longer.

const PHASES = 2; // places within a pixel, in either direction, that a disc is drawn at
const FAINT = 0.12; // of points beside chosen ones

/** @typedef {{ offsets: Int32Array, alphas: Uint8Array }} Stamp */
/**
 * @typedef {object} Look
 * @property {Uint8Array} rgb three bytes for each colour
 * @property {number[]} ground colour of the page
 * @property {number} radius pixels
 * @property {number} alpha
 */

/** @typedef {{ xy: Float32Array, count: number, samples: number, colours: Uint8Array }} Seen what of the map is seen */

/** Fill an image with one colour. @param {ImageData} image @param {number[]} colour */
export function clear({ data }, [red, green, blue]) {
  new Uint32Array(data.buffer).fill(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
}

/**
 * Paint discs, or rings where `hollow` is their width.
 *
 * @param {ImageData} image
 * @param {Float32Array} xy places of the map
 * @param {[number, number]} range from one point to before another
 * @param {import("./view.js").View} view
 * @param {number} ratio pixels of the image for one of the view
 * @param {Look} look
 * @param {(index: number) => number} colour number of a point's colour; negative: it is left out
 * @param {number} hollow
 */
export function paintPoints(image, xy, [from, to], view, ratio, { rgb, radius, alpha }, colour, hollow = 0) {
  const { width, height, data } = image;
  const stamps = stampsOf(radius, width, alpha, hollow);
  const edge = Math.ceil(radius) + 2;
  const scale = view.scale * ratio;
  const [left, top] = [width / 2 - view.x * scale, height / 2 + view.y * scale];
  for (let i = from; i < to; i++) {
    const [x, y] = [left + xy[2 * i] * scale, top - xy[2 * i + 1] * scale];
    if (!(x > edge && y > edge && x < width - edge && y < height - edge)) continue;
    const number = colour(i);
    if (number < 0) continue;
    const [column, row] = [x | 0, y | 0];
    const { offsets, alphas } = stamps[(((y - row) * PHASES) | 0) * PHASES + (((x - column) * PHASES) | 0)];
    const [red, green, blue] = [rgb[3 * number], rgb[3 * number + 1], rgb[3 * number + 2]];
    const at = 4 * (row * width + column);
    for (let j = 0; j < offsets.length; j++) {
      const [pixel, share] = [at + offsets[j], alphas[j]];
      data[pixel] += ((red - data[pixel]) * share) >> 8;
      data[pixel + 1] += ((green - data[pixel + 1]) * share) >> 8;
      data[pixel + 2] += ((blue - data[pixel + 2]) * share) >> 8;
    }
  }
}

/** Return a disc at each of the places within a pixel. @param {number} radius @param {number} width of the image @param {number} alpha @param {number} hollow @returns {Stamp[]} */
function stampsOf(radius, width, alpha, hollow) {
  const reach = Math.ceil(radius) + 1;
  return Array.from({ length: PHASES * PHASES }, (_, phase) => {
    const [dx, dy] = [((phase % PHASES) + 0.5) / PHASES, (Math.floor(phase / PHASES) + 0.5) / PHASES];
    const [offsets, alphas] = [[], []].map((list) => /** @type {number[]} */ (list));
    for (let row = -reach; row <= reach; row++)
      for (let column = -reach; column <= reach; column++) {
        const distance = Math.hypot(column + 0.5 - dx, row + 0.5 - dy);
        const within = Math.min(1, Math.max(0, radius - distance + 0.5));
        const beyond = hollow ? Math.min(1, Math.max(0, distance - radius + hollow + 0.5)) : 1;
        const share = Math.round(255 * alpha * within * beyond);
        if (share > 0) {
          offsets.push(4 * (row * width + column));
          alphas.push(share);
        }
      }
    return { offsets: Int32Array.from(offsets), alphas: Uint8Array.from(alphas) };
  });
}

/**
 * Paint all that the map has: prior samples as rings, then the codes, chosen ones above the faint rest.
 *
 * @param {ImageData} image
 * @param {Seen} seen
 * @param {import("./view.js").View} view
 * @param {number} ratio
 * @param {Look} look its last colour is that of prior samples
 * @param {Uint8Array | null} chosen 1 or 0 for each code
 */
export function paintMap(image, { xy, count, samples, colours }, view, ratio, look, chosen) {
  clear(image, look.ground);
  const last = look.rgb.length / 3 - 1;
  const wide = { ...look, radius: look.radius + 0.8 * ratio, alpha: 0.8 };
  paintPoints(image, xy, [count, count + samples], view, ratio, wide, () => last, 1.1 * ratio);
  if (!chosen) return paintPoints(image, xy, [0, count], view, ratio, look, (i) => colours[i]);
  const faint = { ...look, alpha: FAINT };
  paintPoints(image, xy, [0, count], view, ratio, faint, (i) => (chosen[i] ? -1 : colours[i]));
  paintPoints(image, xy, [0, count], view, ratio, { ...look, alpha: 0.9 }, (i) => (chosen[i] ? colours[i] : -1));
}

/** Return the radius of a point in pixels: smaller the more there are, larger the deeper the zoom. @param {number} count @param {number} zoom */
export const radiusOf = (count, zoom) =>
  Math.min(7, Math.max(0.75, 2.6 * (12_000 / Math.max(count, 12_000)) ** 0.28) * Math.max(1, zoom) ** 0.35);
