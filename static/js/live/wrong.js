// Wrong on purpose: what is done to the 32 x 32 pixels, the same each time for the same setting.

import { SIDE } from './picture.js';

const MIDDLE = (SIDE - 1) / 2;
const SEED = 1998;
const LUMA = [0.299, 0.587, 0.114]; // of ITU-R BT.601, as Pillow's convert('L') has them
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

const NOISE = normal(SIDE * SIDE * 3);
const inside = (at) => Math.min(Math.max(at, 0), SIDE - 1);

/** Move and turn about the middle; what comes in from outside repeats the edge. */
function move(pixels, shift, degrees) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const moved = new Uint8ClampedArray(pixels.length);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const [dx, dy] = [x - shift - MIDDLE, y - MIDDLE];
      const fromX = inside(MIDDLE + cos * dx + sin * dy);
      const fromY = inside(MIDDLE - sin * dx + cos * dy);
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [right, bottom] = [inside(left + 1), inside(top + 1)];
      const [u, v] = [fromX - left, fromY - top];
      for (let c = 0; c < 3; c += 1) {
        const at = (row, column) => pixels[(row * SIDE + column) * 3 + c];
        const above = at(top, left) * (1 - u) + at(top, right) * u;
        const below = at(bottom, left) * (1 - u) + at(bottom, right) * u;
        moved[(y * SIDE + x) * 3 + c] = above * (1 - v) + below * v;
      }
    }
  }
  return moved;
}

/**
 * Return what becomes of a picture.
 *
 * @param {Uint8ClampedArray} pixels SIDE x SIDE x RGB; stays as it is
 * @param {Settings} settings
 * @returns {Uint8ClampedArray} SIDE x SIDE x RGB
 */
export function spoil(pixels, { shift, rotation, noise, grey, cover, at }) {
  const spoilt = shift || rotation ? move(pixels, shift, rotation) : pixels.slice();
  const [left, top] = at.map((middle) => Math.round(middle - cover / 2));
  for (let n = 0; n < SIDE * SIDE; n += 1) {
    const [x, y] = [n % SIDE, Math.floor(n / SIDE)];
    const covered = x >= left && x < left + cover && y >= top && y < top + cover;
    const luma = LUMA.reduce((sum, weight, c) => sum + weight * spoilt[3 * n + c], 0);
    for (let i = 3 * n; i < 3 * n + 3; i += 1) {
      const value = spoilt[i] + (grey / 100) * (luma - spoilt[i]) + 2.55 * noise * NOISE[i];
      spoilt[i] = covered ? COVER : value;
    }
  }
  return spoilt;
}
