// Wrong on purpose: what is done to the pixels, the same each time for the same setting.
// Settings in pixels are those of a picture of 32 x 32.

import { LUMA, SIDE, sideOf } from './picture.js';

const SEED = 1998;
const COVER = 128; // the grey of what covers a picture

/** What can be set, from where to where, and how the setting is told. */
export const SETTINGS = [
  { name: 'shift', label: 'Shift', min: -16, max: 16, step: 1, unit: ' px' },
  { name: 'rotation', label: 'Rotation', min: -180, max: 180, step: 5, unit: '°' },
  { name: 'noise', label: 'Noise', min: 0, max: 50, step: 1, unit: '%' },
  { name: 'grey', label: 'Grey', min: 0, max: 100, step: 5, unit: '%' },
  { name: 'cover', label: 'Covered', min: 0, max: 32, step: 1, unit: ' px' },
];

/** How a setting is told. */
export const tell = (value, unit) => `${value}${unit}`.replace('-', '−');

/** @typedef {typeof UNTOUCHED} Settings */

/** Nothing is done, and what would be covered is the middle: `at` is its column and row. */
export const UNTOUCHED = { shift: 0, rotation: 0, noise: 0, grey: 0, cover: 0, at: [16, 16] };

export const isUntouched = (settings) => SETTINGS.every(({ name }) => settings[name] === 0);

/** Numbers of a normal distribution, the same ones each time (mulberry32, Box and Muller). */
function normal(count) {
  let state = SEED;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

let noises = normal(SIDE * SIDE * 3);

/** Move and turn about the middle; what comes in from outside repeats the edge. */
function move(pixels, shift, degrees) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const moved = new Uint8ClampedArray(pixels.length);
  const side = sideOf(pixels);
  const middle = (side - 1) / 2;
  const inside = (at) => Math.min(Math.max(at, 0), side - 1);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const [dx, dy] = [x - shift - middle, y - middle];
      const fromX = inside(middle + cos * dx + sin * dy);
      const fromY = inside(middle - sin * dx + cos * dy);
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [right, bottom] = [inside(left + 1), inside(top + 1)];
      const [u, v] = [fromX - left, fromY - top];
      for (let c = 0; c < 3; c += 1) {
        const at = (row, column) => pixels[(row * side + column) * 3 + c];
        const above = at(top, left) * (1 - u) + at(top, right) * u;
        const below = at(bottom, left) * (1 - u) + at(bottom, right) * u;
        moved[(y * side + x) * 3 + c] = above * (1 - v) + below * v;
      }
    }
  }
  return moved;
}

/**
 * Return what becomes of a picture.
 *
 * @param {Uint8ClampedArray} pixels of a square, RGB; stays as it is
 * @param {Settings} settings
 * @returns {Uint8ClampedArray} as many
 */
export function spoil(pixels, { shift, rotation, noise, grey, cover, at }) {
  const side = sideOf(pixels);
  const zoom = side / SIDE;
  if (noises.length < pixels.length) noises = normal(pixels.length);
  const spoilt = shift || rotation ? move(pixels, zoom * shift, rotation) : pixels.slice();
  const [left, top] = at.map((middle) => zoom * Math.round(middle - cover / 2));
  for (let n = 0; n < side * side; n += 1) {
    const [x, y] = [n % side, Math.floor(n / side)];
    const wide = zoom * cover;
    const covered = x >= left && x < left + wide && y >= top && y < top + wide;
    const luma = LUMA.reduce((sum, weight, c) => sum + weight * spoilt[3 * n + c], 0);
    for (let i = 3 * n; i < 3 * n + 3; i += 1) {
      const value = spoilt[i] + (grey / 100) * (luma - spoilt[i]) + 2.55 * noise * noises[i];
      spoilt[i] = covered ? COVER : value;
    }
  }
  return spoilt;
}
