// From any picture to the 32 x 32 pixels that a network sees, as lab.images makes them in Python.
//
// The steps are: RGB with transparency laid on white and the camera's orientation applied, no color
// management; the middle square; an antialiased bilinear scaling; and, in the worker, the
// normalisation that the network's file names. The scaling is a port of Pillow's
// `resize((32, 32), BILINEAR)`, bit for bit: a canvas scales differently by up to a quarter of the
// range, which changes answers. https://github.com/python-pillow/Pillow, src/libImaging/Resample.c

export const SIDE = 32; // of what most networks here see

export const LUMA = [0.299, 0.587, 0.114]; // of ITU-R BT.601, as Pillow's convert('L') has them

/** The side of a square of RGB pixels. */
export const sideOf = (pixels) => Math.round(Math.sqrt(pixels.length / 3));

const BITS = 22; // of a weight's fraction

/** Return, for each of `count` outputs, which of `size` inputs it sums, and with which weights. */
function weights(size, count) {
  const scale = size / count;
  const support = Math.max(scale, 1); // below 1 the picture grows, and a neighbour on each side does
  return Array.from({ length: count }, (_, n) => {
    const center = (n + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const last = Math.min(Math.trunc(center + support + 0.5), size);
    const raw = Array.from({ length: last - first }, (_, i) =>
      Math.max(1 - Math.abs((i + first - center + 0.5) * (1 / support)), 0),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    const fixed = raw.map((weight) => Math.trunc(0.5 + (weight / sum) * 2 ** BITS));
    return { first, weights: Int32Array.from(fixed) };
  });
}

/** Sum one channel's pixels, `stride` apart from `start` on. Weights sum to one, so it fits a byte. */
function weigh(source, start, stride, { weights: taps }) {
  let sum = 2 ** (BITS - 1);
  for (let i = 0, at = start; i < taps.length; i += 1, at += stride) sum += source[at] * taps[i];
  return sum >> BITS;
}

/**
 * Scale a square as Pillow does: in a row first, rounded to bytes, then in a column.
 *
 * @param {Uint8ClampedArray} source a side² picture with `channels` bytes a pixel, of which 3 count
 * @param {number} side in pixels
 * @param {number} channels bytes a pixel
 * @param {number} [size] of the result
 * @returns {Uint8ClampedArray} size x size x RGB
 */
export function scaleSquare(source, side, channels, size = SIDE) {
  const taps = weights(side, size);
  const fill = (height, value) => {
    const filled = new Uint8ClampedArray(height * size * 3);
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < size; x += 1) {
        for (let c = 0; c < 3; c += 1, at += 1) filled[at] = value(y, x, c);
      }
    }
    return filled;
  };
  const rows = fill(side, (y, x, c) =>
    weigh(source, (y * side + taps[x].first) * channels + c, channels, taps[x]),
  );
  return fill(size, (y, x, c) =>
    weigh(rows, (taps[y].first * size + x) * 3 + c, size * 3, taps[y]),
  );
}

/**
 * Return the pixels of a picture that networks see.
 *
 * @param {ImageBitmap} bitmap decoded with `colorSpaceConversion: 'none'`
 * @param {number} size of the side
 * @returns {Uint8ClampedArray} size x size x RGB
 */
export function seen(bitmap, size) {
  const side = Math.min(bitmap.width, bitmap.height);
  const left = Math.floor((bitmap.width - side) / 2);
  const top = Math.floor((bitmap.height - side) / 2);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser draws no picture');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, side, side);
  context.drawImage(bitmap, -left, -top);
  return scaleSquare(context.getImageData(0, 0, side, side).data, side, 4, size);
}
