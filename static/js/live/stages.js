// Inside: the maps of a stage, one of them large beside its kernel, and where the network looks.

import { make, paint } from './dom.js';
import { top, whole } from './words.js';

const NONE = [255, 255, 255];
const MOST = [3, 97, 130]; // above zero, the theme's deep blue
const LEAST = [161, 68, 11]; // below zero
const VEIL = [6, 32, 43]; // over what a class does not come from
const DENSEST = 0.78; // of the veil, opaque being 1
const MAPS_SHARE = 0.56; // of the panel's width, as the style sheet gives it
const GAP = 1; // pixels between maps
const FRAME = [213, 225, 231];
const CHOSEN = [6, 32, 43];

const shade = (value, scale) => {
  const share = scale > 0 ? Math.min(Math.abs(value) / scale, 1) : 0;
  const end = value < 0 ? LEAST : MOST;
  return NONE.map((none, c) => none + share * (end[c] - none));
};

const range = (values) => {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most, scale: Math.max(Math.abs(least), Math.abs(most)) };
};

const short = (value) => (value === 0 ? '0' : value.toFixed(2).replace('-', '−'));

/** Split (1, C, H, W) or (1, C) into its maps. */
export function toMaps({ dims, data }) {
  const [, count, height = 1, width = 1] = dims;
  const size = height * width;
  const maps = Array.from({ length: count }, (_, n) => data.subarray(n * size, (n + 1) * size));
  return { maps, height, width, ...range(data) };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The number of the map that is largest on average. */
export const strongest = ({ maps }) => top(maps.map(mean));

/** Paint equal tiles onto a canvas, each in a frame, in rows of `columns`. */
function paintTiles(canvas, tiles, { width, height, columns, color, chosen }) {
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
  const order = tiles.map((_, n) => n).filter((n) => n !== chosen);
  for (const n of order) frame(n, FRAME);
  if (chosen !== undefined) frame(chosen, CHOSEN);
  tiles.forEach((tile, n) => {
    const [left, up] = place(n).map((start) => start + GAP);
    fill(left, up, left + width, up + height, (x, y) => color(tile, (y - up) * width + x - left));
  });
  paint(canvas, pixels, fullWidth, fullHeight);
}

/** How many columns make maps fill a box of the given shape best. */
function columnsFor(count, { width, height }, shape) {
  const fits = (columns) => {
    const rows = Math.ceil(count / columns);
    return Math.min(shape / (columns * (width + GAP)), 1 / (rows * (height + GAP)));
  };
  const all = Array.from({ length: count }, (_, n) => n + 1);
  return all.reduce((best, columns) => (fits(columns) > fits(best) ? columns : best), 1);
}

/** A kernel as tiles: in color where it reads a picture, else one tile for each map it reads. */
function paintKernel(canvas, { dims, data }, map) {
  const [, channels, height, width] = dims;
  const size = height * width;
  const kernel = data.subarray(map * channels * size, (map + 1) * channels * size);
  const { scale } = range(kernel);
  if (channels === 3) {
    const color = (_, i) =>
      [0, 1, 2].map((c) => 127.5 + (127.5 * kernel[c * size + i]) / (scale || 1));
    paintTiles(canvas, [kernel], { width, height, columns: 1, color });
    return 'kernel, in color';
  }
  const tiles = Array.from({ length: channels }, (_, c) =>
    kernel.subarray(c * size, (c + 1) * size),
  );
  const columns = Math.ceil(Math.sqrt(channels));
  const color = (tile, i) => shade(tile[i], scale);
  paintTiles(canvas, tiles, { width, height, columns, color });
  return `kernel, of ${channels} maps`;
}

/**
 * Return the pixels of a veil that leaves free where a class comes from.
 *
 * @param {{dims: number[], data: Float32Array}} activation `class_activation`, (1, K, h, w)
 * @param {number} label the class
 * @returns {{pixels: Uint8ClampedArray, width: number, height: number}} RGBA
 */
export function veil({ dims, data }, label) {
  const [, , height, width] = dims;
  const map = data.subarray(label * height * width, (label + 1) * height * width);
  const { least, most } = range(map);
  const pixels = new Uint8ClampedArray(4 * map.length);
  map.forEach((value, n) => {
    const share = most > least ? (value - least) / (most - least) : 1;
    pixels.set([...VEIL, 255 * DENSEST * (1 - share)], 4 * n);
  });
  return { pixels, width, height };
}

/**
 * Return the panel of a network's stages, and what keeps it up to date.
 *
 * @param {object} options
 * @param {(name: string) => void} options.onStage another stage is asked for
 * @param {(on: boolean) => void} options.onLooks where the network looks is asked for, or not
 * @param {() => void} options.onMap another map is shown large
 */
export function inside({ onStage, onLooks, onMap }) {
  const steps = make('div.live-steps', { role: 'group', 'aria-label': 'Stages' });
  const looks = make(
    'button.live-looks',
    { type: 'button', 'aria-pressed': 'false', onclick: () => onLooks(!isPressed()) },
    'Where it looks',
  );
  const isPressed = () => looks.getAttribute('aria-pressed') === 'true';
  const caption = make('p.live-stage');
  const maps = make('canvas.live-maps', { role: 'img' });
  const large = make('canvas.live-large', { role: 'img' });
  const kernel = make('canvas.live-kernel', { role: 'img' });
  const mapLabel = make('p.live-map');
  const kernelLabel = make('p.live-map');
  const button = (text, label, step) =>
    make(
      'button',
      { type: 'button', 'aria-label': label, onclick: () => turnTo(chosen + step) },
      text,
    );
  const element = make(
    'div.live-inside',
    {},
    make('div.live-stagebar', {}, steps, looks),
    caption,
    make(
      'div.live-look',
      {},
      maps,
      make(
        'div.live-detail',
        {},
        make('figure', {}, large, mapLabel),
        make(
          'div.live-turn',
          {},
          button('‹', 'The map before', -1),
          button('›', 'The next map', 1),
        ),
        make('figure.live-of-kernel', {}, kernel, kernelLabel),
      ),
    ),
  );

  let shown; // the maps of the stage
  let weights; // its kernels, where it is one convolution
  let chosen = 0;
  let columns = 1;

  function choose(map) {
    chosen = (map + shown.maps.length) % shown.maps.length;
    const { width, height, scale } = shown;
    const values = shown.maps[chosen];
    const color = (tile, i) => shade(tile[i], scale);
    paintTiles(large, [values], { width, height, columns: 1, color });
    const { least, most } = range(values);
    mapLabel.textContent = `${chosen + 1} of ${shown.maps.length}: ${short(least)} to ${short(most)}`;
    large.setAttribute('aria-label', `Map ${mapLabel.textContent}`);
    kernel.parentElement.hidden = !weights;
    if (weights) kernelLabel.textContent = paintKernel(kernel, weights, chosen);
    kernel.setAttribute('aria-label', kernelLabel.textContent);
    const tiles = { ...shown, columns, color, chosen };
    paintTiles(maps, shown.maps, tiles);
  }

  function turnTo(map) {
    choose(map);
    onMap();
  }

  maps.addEventListener('click', (event) => {
    const box = maps.getBoundingClientRect();
    // The picture begins at the upper left of its box, and is as large as fits.
    const zoom = Math.min(box.width / maps.width, box.height / maps.height);
    const column = Math.floor((event.clientX - box.x) / zoom / (shown.width + GAP));
    const row = Math.floor((event.clientY - box.y) / zoom / (shown.height + GAP));
    const map = row * columns + column;
    if (column < columns && map < shown.maps.length) turnTo(map);
  });

  return {
    element,

    /** Offer the stages of a network. */
    offer({ stages, class_activation: hasLooks }) {
      const highest = Math.max(...stages.map(({ output }) => output[1] ?? 1));
      steps.replaceChildren(
        ...stages.map(({ name, kind, output }) =>
          make('button.live-step', {
            type: 'button',
            title: `${name}: ${kind}, ${output.join(' × ')}`,
            'aria-label': `${name}: ${kind}, ${output.join(' × ')}`,
            style: `--height: ${0.25 + 0.75 * Math.sqrt((output[1] ?? 1) / highest)}`,
            onclick: () => onStage(name),
          }),
        ),
      );
      looks.hidden = !hasLooks;
    },

    /** Show a stage: its maps, and its kernels where there are some. */
    show(stage, number, output, kernels) {
      const isOther = element.dataset.stage !== stage.name;
      shown = toMaps(output);
      weights = kernels;
      [...steps.children].forEach((step, n) => step.setAttribute('aria-pressed', n === number));
      caption.replaceChildren(
        make('strong', {}, stage.name),
        ` ${stage.kind} · ${stage.output.join(' × ')} · from ${short(shown.least)} to ${short(shown.most)}`,
      );
      const box = maps.parentElement.getBoundingClientRect();
      const shape = box.height > 0 ? (MAPS_SHARE * box.width) / box.height : 1;
      columns = columnsFor(shown.maps.length, shown, shape);
      maps.setAttribute(
        'aria-label',
        `The ${whole(shown.maps.length)} maps of ${stage.name}, ${shown.width} by ${shown.height}`,
      );
      element.dataset.stage = stage.name;
      choose(isOther ? strongest(shown) : Math.min(chosen, shown.maps.length - 1));
    },

    /** The number of the map that is shown large. */
    map: () => chosen,

    /** Show another map large. */
    choose,

    /** Say whether the picture shows where the network looks. */
    press(on) {
      looks.setAttribute('aria-pressed', on);
    },
  };
}
