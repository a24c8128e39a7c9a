// What is done to a picture on purpose.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SIDE } from '../../static/js/live/picture.js';
import { isUntouched, spoil, UNTOUCHED } from '../../static/js/live/wrong.js';

const before = Uint8ClampedArray.from(
  { length: 3 * SIDE * SIDE },
  (_, n) => (n * n * 31 + n) % 256,
);
const spoilt = (changes) => spoil(before, { ...UNTOUCHED, ...changes });

/** Assert that each byte of a spoilt picture is, within a rounding, what `wanted` says. */
function check(changes, wanted, tolerance = 0) {
  const pixels = spoilt(changes);
  const at = (x, y, c) => before[3 * (y * SIDE + x) + c];
  for (let n = 0; n < pixels.length; n += 1) {
    const [x, y, c] = [Math.floor(n / 3) % SIDE, Math.floor(n / 3 / SIDE), n % 3];
    const distance = Math.abs(pixels[n] - wanted(x, y, c, at));
    assert.ok(distance <= tolerance, `${JSON.stringify(changes)} at ${x}, ${y}: ${distance}`);
  }
}

const last = SIDE - 1;
const isIn = (value, from, size) => value >= from && value < from + size;

test('nothing is done, and then nothing changes', () => {
  check({}, (x, y, c, at) => at(x, y, c));
  assert.ok(isUntouched(UNTOUCHED));
  assert.ok(!isUntouched({ ...UNTOUCHED, grey: 5 }));
});

test('a picture is moved, and its edge is repeated', () => {
  check({ shift: 5 }, (x, y, c, at) => at(Math.max(x - 5, 0), y, c));
  check({ shift: -5 }, (x, y, c, at) => at(Math.min(x + 5, last), y, c));
});

test('a picture is turned clockwise', () => {
  check({ rotation: 90 }, (x, y, c, at) => at(y, last - x, c), 1);
  check({ rotation: 180 }, (x, y, c, at) => at(last - x, last - y, c), 1);
});

test('a picture is made grey', () => {
  const luma = (x, y, at) => 0.299 * at(x, y, 0) + 0.587 * at(x, y, 1) + 0.114 * at(x, y, 2);
  check({ grey: 100 }, (x, y, c, at) => luma(x, y, at), 0.51);
  check({ grey: 50 }, (x, y, c, at) => (luma(x, y, at) + at(x, y, c)) / 2, 0.51);
});

test('a picture is covered in the middle, in a corner, and whole', () => {
  const covered = (left, top, size) => (x, y, c, at) =>
    isIn(x, left, size) && isIn(y, top, size) ? 128 : at(x, y, c);
  check({ cover: 8 }, covered(12, 12, 8));
  check({ cover: 8, at: [0, 31] }, covered(-4, 27, 8));
  check({ rotation: 30, noise: 50, grey: 50, cover: SIDE }, () => 128);
});

test('noise is the same each time, and as strong as it says', () => {
  const noisy = spoilt({ noise: 20 });
  assert.deepEqual(noisy, spoilt({ noise: 20 }));
  const changes = [...noisy].map((value, n) => value - before[n]);
  const middle = changes.filter((_, n) => before[n] > 100 && before[n] < 150); // not clipped
  const square = middle.reduce((sum, change) => sum + change ** 2, 0) / middle.length;
  assert.ok(isIn(Math.sqrt(square), 40, 22)); // 20 % of the range: 51
});

test('the picture that is spoilt stays as it was', () => {
  const copy = before.slice();
  spoilt({ shift: 3, rotation: 30, noise: 50, grey: 50, cover: 32 });
  assert.deepEqual(before, copy);
});
