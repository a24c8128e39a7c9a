// Makes pixels of numbers: of the maps of a stage, of a kernel, of where a network looks.

import { top } from './words.js';

const NONE = [255, 255, 255];
const MOST = [3, 97, 130]; // above zero, the theme's deep blue
const LEAST = [161, 68, 11]; // below zero
const VEIL = [6, 32, 43]; // over what a class does not come from
const DENSEST = 0.78; // of the veil, opaque being 1
const GAP = 1; // pixels between maps
const FRAME = [213, 225, 231];
const CHOSEN = [6, 32, 43];

/**
 * @typedef {import('./engine.js').Output} Output
 * @typedef {{pixels: Uint8ClampedArray, width: number, height: number}} Picture RGBA
 * @typedef {ReturnType<typeof split>} Maps of a stage
 * @typedef {Maps & {columns: number}} Arranged in rows of so many
 * @typedef {(tile: Float32Array, i: number) => number[]} Color of a number of a tile
 * @typedef {{width: number, height: number, columns: number, color: Color, chosen?: number}} Layout
 */

/** The color of a number: blue above zero, brown below, the darker the farther, up to `scale`. */
const shade = (value, scale) => {
  const share = scale > 0 ? Math.min(Math.abs(value) / scale, 1) : 0;
  const end = value < 0 ? LEAST : MOST;
  return NONE.map((none, c) => none + share * (end[c] - none));
};

/** The least and the largest of some numbers, and how far from zero they go. */
export const range = (values) => {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most, scale: Math.max(Math.abs(least), Math.abs(most)) };
};

const cut = (data, count, size) =>
  Array.from({ length: count }, (_, n) => data.subarray(n * size, (n + 1) * size));

/** Split (1, C, H, W) or (1, C) into its maps. @param {Output} output */
export function split({ dims, data }) {
  const [, count, height = 1, width = 1] = dims;
  return { maps: cut(data, count, height * width), height, width, ...range(data) };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The number of the map that is largest on average. */
export const strongest = ({ maps }) => top(maps.map(mean));

/** Arrange maps so that they fill a box best, `shape` being its width by its height. */
export function arrange(stage, shape) {
  const { maps, width, height } = stage;
  const fits = (columns) => {
    const rows = Math.ceil(maps.length / columns);
    return Math.min(shape / (columns * (width + GAP)), 1 / (rows * (height + GAP)));
  };
  const all = maps.map((_, n) => n + 1);
  return { ...stage, columns: all.reduce((best, n) => (fits(n) > fits(best) ? n : best), 1) };
}

/** The map at a place of the drawing of all, in its pixels; undefined where there is none. */
export function mapAt(x, y, { width, height, columns, maps }) {
  const [column, row] = [Math.floor(x / (width + GAP)), Math.floor(y / (height + GAP))];
  const n = row * columns + column;
  return column < columns && n < maps.length ? n : undefined;
}

/** Draw equal tiles in frames. @type {(tiles: Float32Array[], layout: Layout) => Picture} */
function drawTiles(tiles, { width, height, columns, color, chosen }) {
  const rows = Math.ceil(tiles.length / columns);
  const fullWidth = columns * (width + GAP) + GAP;
  const fullHeight = rows * (height + GAP) + GAP;
  const pixels = new Uint8ClampedArray(4 * fullWidth * fullHeight);
  const fill = (left, up, right, down, choose) => {
    for (let y = up; y < down; y += 1) {
      for (let x = left; x < right; x += 1)
        pixels.set([...choose(x, y), 255], 4 * (y * fullWidth + x));
    }
  };
  const place = (n) => [(n % columns) * (width + GAP), Math.floor(n / columns) * (height + GAP)];
  const frame = (n, ink) => {
    const [left, up] = place(n);
    fill(left, up, left + width + 2 * GAP, up + height + 2 * GAP, () => ink);
  };
  tiles.forEach((_, n) => frame(n, FRAME));
  if (chosen !== undefined) frame(chosen, CHOSEN);
  tiles.forEach((tile, n) => {
    const [left, up] = place(n).map((start) => start + GAP);
    fill(left, up, left + width, up + height, (x, y) => color(tile, (y - up) * width + x - left));
  });
  return { pixels, width: fullWidth, height: fullHeight };
}

/** Draw all maps, the chosen one marked. @type {(stage: Arranged, chosen?: number) => Picture} */
export const drawMaps = (stage, chosen) =>
  drawTiles(stage.maps, { ...stage, color: (map, i) => shade(map[i], stage.scale), chosen });

/** Draw one of the maps. */
export const drawMap = (stage, n) => drawMaps({ ...stage, maps: [stage.maps[n]], columns: 1 });

/**
 * Draw a map's kernel: in color where it reads a picture, else one tile for each map it reads.
 *
 * @param {Output} kernels (C, channels, H, W)
 * @param {number} map
 */
export function drawKernel({ dims, data }, map) {
  const [count, channels, height, width] = dims;
  const size = height * width;
  const kernel = cut(data, count, channels * size)[map];
  const { scale } = range(kernel);
  if (channels === 3) {
    const color = (_, i) =>
      [0, 1, 2].map((c) => 127.5 + (127.5 * kernel[c * size + i]) / (scale || 1));
    const picture = drawTiles([kernel], { width, height, columns: 1, color });
    return { label: 'kernel, in color', picture };
  }
  const columns = Math.ceil(Math.sqrt(channels));
  const color = (tile, i) => shade(tile[i], scale);
  const picture = drawTiles(cut(kernel, channels, size), { width, height, columns, color });
  return { label: `kernel, of ${channels} maps`, picture };
}

/**
 * Draw a veil that leaves free where an answer comes from.
 *
 * @param {Output} activation `class_activation`, (1, K, h, w), or `attention_rollout`, (1, 1, h, w)
 * @param {number} label the class, where each has its own map
 */
export function drawVeil({ dims, data }, label) {
  const [, count, height, width] = dims;
  const map = cut(data, count, height * width)[count > 1 ? label : 0];
  const { least, most } = range(map);
  const pixels = new Uint8ClampedArray(4 * map.length);
  map.forEach((value, n) => {
    const share = most > least ? (value - least) / (most - least) : 1;
    pixels.set([...VEIL, 255 * DENSEST * (1 - share)], 4 * n);
  });
  return { pixels, width, height };
}
