// The pixels of maps, kernels and veils, and where maps lie.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as drawing from '../../static/js/live/drawing.js';

const output = (dims, ...values) => ({ dims, data: Float32Array.from(values) });
const pixel = ({ pixels, width }, x, y) => [...pixels.subarray(4 * (y * width + x)).slice(0, 4)];

const WHITE = [255, 255, 255, 255];
const BLUE = [3, 97, 130, 255];
const BROWN = [161, 68, 11, 255];
const FRAME = [213, 225, 231, 255];
const CHOSEN = [6, 32, 43, 255];

// Three maps of 1 x 2 numbers.
const stage = drawing.split(output([1, 3, 1, 2], 0, -4, 2, 1, 0, 0));

test('an output is split into maps, and a flat one into numbers', () => {
  assert.deepEqual(
    stage.maps.map((map) => [...map]),
    [
      [0, -4],
      [2, 1],
      [0, 0],
    ],
  );
  assert.deepEqual([stage.height, stage.width], [1, 2]);
  assert.deepEqual([stage.least, stage.most, stage.scale], [-4, 2, 4]);
  const flat = drawing.split(output([1, 2], 3, 5));
  assert.deepEqual([flat.maps.length, flat.height, flat.width], [2, 1, 1]);
});

test('maps fill the shape of their box', () => {
  const maps = drawing.split(output([1, 12, 3, 3], ...Array(108).fill(0)));
  const columns = (shape) => drawing.arrange(maps, shape).columns;
  assert.deepEqual([100, 4 / 3, 1, 0.01].map(columns), [12, 4, 3, 1]);
});

test('maps are drawn in frames, each number by its sign and size', () => {
  const picture = drawing.drawMaps({ ...stage, columns: 2 }, 1);
  assert.deepEqual([picture.width, picture.height], [7, 5]);
  assert.deepEqual(pixel(picture, 0, 0), FRAME);
  assert.deepEqual(pixel(picture, 1, 1), WHITE);
  assert.deepEqual(pixel(picture, 2, 1), BROWN);
  assert.deepEqual(pixel(picture, 4, 1), [129, 176, 192, 255]); // half as blue as can be
  assert.deepEqual(pixel(picture, 3, 1), CHOSEN);
  assert.deepEqual(pixel(picture, 6, 2), CHOSEN);
  assert.deepEqual(pixel(picture, 4, 4), [0, 0, 0, 0]); // there is no fourth map
  const one = drawing.drawMap({ ...stage, columns: 2 }, 1);
  assert.deepEqual([one.width, one.height, pixel(one, 1, 1)], [4, 3, [129, 176, 192, 255]]);
});

test('a map is found where it is drawn', () => {
  const maps = { ...stage, columns: 2 };
  const at = (x, y) => drawing.mapAt(x, y, maps);
  assert.deepEqual(
    [at(0.5, 1), at(4, 1), at(1, 3), at(4, 3), at(7, 1)],
    [0, 1, 2, undefined, undefined],
  );
});

test('a kernel is drawn in color where it reads a picture, else as a tile for each map', () => {
  const colored = drawing.drawKernel(output([2, 3, 1, 1], 0, 0, 0, 2, -2, 0), 1);
  assert.equal(colored.label, 'kernel, in color');
  assert.deepEqual(pixel(colored.picture, 1, 1), [255, 0, 128, 255]);
  const tiles = drawing.drawKernel(output([1, 4, 1, 1], 1, -1, 0, 1), 0);
  assert.equal(tiles.label, 'kernel, of 4 maps');
  const places = [
    [1, 1],
    [3, 1],
    [1, 3],
    [3, 3],
  ];
  assert.deepEqual(
    places.map(([x, y]) => pixel(tiles.picture, x, y)),
    [BLUE, BROWN, WHITE, BLUE],
  );
});

test('a veil is thick where a class does not come from', () => {
  const activation = output([1, 2, 1, 2], 9, 9, -1, 3);
  const { pixels, width, height } = drawing.drawVeil(activation, 1);
  assert.deepEqual([width, height, pixels[3], pixels[7]], [2, 1, 199, 0]);
  assert.deepEqual(
    [...drawing.drawVeil(activation, 0).pixels].filter((_, n) => n % 4 === 3),
    [0, 0],
  );
});
