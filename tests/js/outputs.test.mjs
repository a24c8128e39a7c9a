// What goes into a network and what comes out of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  checkNumbers,
  checkShape,
  normalise,
  probabilitiesOf,
  softmax,
} from '../../static/js/live/outputs.js';

const network = {
  classes: ['cat', 'dog'],
  stages: [{ name: 'conv1', kind: 'conv 3x3', output: [4, 8, 8], kernel: true }],
};
const check = (name, dims, type = 'float32') => checkShape(network, name, { dims, type });

test('pixels are normalised, channel after channel', () => {
  const pixels = Uint8ClampedArray.from({ length: 3 * 32 * 32 }, (_, n) => [0, 255, 51][n % 3]);
  const values = normalise({ mean: [0.5, 0, 0.2], std: [0.25, 2, 1], size: 32 }, pixels);
  const wanted = [-2, 0.5, 0].flatMap((value) => Array(32 * 32).fill(value));
  assert.ok(values.every((value, n) => Math.abs(value - wanted[n]) < 1e-7));
});

test('probabilities sum to one, however large the logits are', () => {
  assert.deepEqual(softmax(Float32Array.of(7, 7)), [0.5, 0.5]);
  const [small, large] = softmax(Float32Array.of(0, Math.log(3)));
  assert.ok(Math.abs(small - 0.25) < 1e-7 && Math.abs(large - 0.75) < 1e-7);
  assert.deepEqual(softmax(Float32Array.of(1e30, 0)), [1, 0]);
});

test('outputs of the shapes that the metadata says can be drawn', () => {
  check('logits', [1, 2]);
  check('logits', [2]);
  check('class_activation', [1, 2, 4, 4]);
  check('attention_rollout', [1, 1, 8, 8]);
  check('conv1', [1, 4, 8, 8]);
  check('conv1', [1, 256]); // flattened already
  check('conv1.kernel', [4, 3, 3, 3]);
});

test('outputs of another type or shape are refused in a line', () => {
  /** @type {[Parameters<typeof check>, string][]} */
  const cases = [
    [['conv1', [1, 4, 8, 8], 'int64'], 'its output conv1 is of int64, and this page reads float32'],
    [['logits', [1, 3]], 'it has 3 outputs for 2 classes'],
    [['conv1', []], 'its output conv1 is a single number, which its metadata does not say'],
    [
      ['conv1', [4, 64]],
      'its output conv1 is of the shape 4 × 64, which its metadata does not say',
    ],
    [
      ['conv1', [1, 4, 8]],
      'its output conv1 is of the shape 1 × 4 × 8, which its metadata does not say',
    ],
    [['conv1.kernel', [3, 3]], 'its output conv1.kernel is of the shape 3 × 3, which its metadata'],
    [['class_activation', [1, 3, 4, 4]], 'its output class_activation is of the shape 1 × 3 × 4'],
    [['attention_rollout', [1, 2, 8, 8]], 'its output attention_rollout is of the shape 1 × 2 × 8'],
  ];
  for (const [given, words] of cases) {
    assert.throws(
      () => check(...given),
      ({ message }) => message.startsWith(words),
      words,
    );
  }
});

test('a number that is none is refused', () => {
  checkNumbers({ logits: { data: Float32Array.of(1, -2) } });
  for (const wrong of [NaN, Infinity]) {
    assert.throws(() => checkNumbers({ logits: { data: Float32Array.of(1, wrong) } }), {
      message: 'its output logits holds something that is not a number',
    });
  }
});

test('a picture is scaled to a network, and grey where it takes one channel', () => {
  const pixels = Uint8ClampedArray.from({ length: 3 * 32 * 32 }, (_, n) => [100, 200, 50][n % 3]);
  const grey = normalise({ mean: [0], std: [1 / 255], size: 28 }, pixels);
  assert.equal(grey.length, 28 * 28);
  assert.ok(grey.every((value) => Math.abs(value - (29.9 + 117.4 + 5.7)) < 1e-3));
  assert.equal(
    normalise({ mean: [0, 0, 0], std: [1, 1, 1], size: 64 }, pixels).length,
    3 * 64 * 64,
  );
});

test('an answer that is probabilities already stays as it is', () => {
  assert.deepEqual(probabilitiesOf([0.25, 0.75]), [0.25, 0.75]);
  assert.deepEqual(probabilitiesOf([7, 7]), [0.5, 0.5]);
});
