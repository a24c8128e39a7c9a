// What the page and the build read out of an ONNX file, and how they refuse one.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { field } from '../../static/js/learn/keep.js';
import { Complaint, readNetwork } from '../../static/js/live/onnx.js';
import { readPlain } from '../../static/js/live/plain.js';
import { download } from '../../static/js/live/runtime.js';

const NOT_ONNX = 'this is no ONNX file, or a part of one';

const ABOUT = {
  format: 1,
  network: 'tiny',
  title: 'Tiny',
  classes: ['airplane', 'bird', 'cat'],
  size: 32,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  stages: [
    { name: 'conv1', kind: 'conv 3x3', output: [4, 32, 32], kernel: true },
    { name: 'pool', kind: 'max pool 2x2', output: [4, 16, 16], kernel: false },
  ],
  class_activation: true,
  parameters: 498,
  macs: 186_000,
  dataset: 'shapes',
  test_accuracy: 0.25,
};
const OUTPUTS = ['logits', 'conv1', 'pool', 'conv1.kernel', 'class_activation'];

/** A network with a first stage that is described otherwise. */
const stage = (changes) => ({ stages: [{ ...ABOUT.stages[0], ...changes }, ABOUT.stages[1]] });

/** A file of a network: with weights, which nobody reads, and what it says of itself. */
function file(about, { inputs = ['images'], outputs = OUTPUTS } = {}) {
  const names = (kind, all) => all.map((name) => field(kind, field(1, name)));
  const graph = [field(5, Buffer.alloc(5000, 7)), ...names(11, inputs), ...names(12, outputs)];
  const text = about && (typeof about === 'string' ? about : JSON.stringify(about));
  const entry = text ? [field(14, Buffer.concat([field(1, 'lecture'), field(2, text)]))] : [];
  return Buffer.concat([field(1, 9), field(7, Buffer.concat(graph)), ...entry]);
}

function refusal(bytes) {
  try {
    readNetwork(bytes);
  } catch (error) {
    assert.ok(error instanceof Complaint);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return 'it was read';
}

test('what a file says of itself is read', () => {
  assert.deepEqual(readNetwork(file(ABOUT)), ABOUT);
});

test('nothing else that a file says reaches the page', () => {
  const more = `"isOwn": false, "trouble": "none", "source": {"url": "https://stranger.example/"},
    "__proto__": {"url": "https://stranger.example/"}, `;
  const [first, ...others] = ABOUT.stages;
  const stages = [{ ...first, onclick: 'alert()' }, ...others];
  const told = readNetwork(file(`{${more}${JSON.stringify({ ...ABOUT, stages }).slice(1)}`));
  assert.deepEqual(told, ABOUT);
  assert.equal(Object.hasOwn(told, '__proto__'), false);
});

test('what is no ONNX file is told so', () => {
  const good = file(ABOUT);
  const picture = fs.readFileSync(new URL('../../static/img/lenet.png', import.meta.url));
  const parts = [0.02, 0.5, 0.98].map((part) => good.subarray(0, part * good.length));
  const endless = Buffer.alloc(100, 255);
  const all = [Buffer.from('an essay\n'), Buffer.alloc(0), Buffer.alloc(4096), picture, endless];
  for (const bytes of [...all, ...parts]) assert.equal(refusal(bytes), NOT_ONNX);
});

test('what a file lacks is named in one line', () => {
  const many = Array(10_001).fill({ name: 'a', kind: 'b', output: [1] });
  /** @type {[any, string][]} */
  const cases = [
    [{ format: 2 }, 'has the format 2, and this page reads 1'],
    [{ format: undefined }, 'has the format undefined'],
    [{ format: '1\n2' }, String.raw`has the format "1\n2", and`],
    [{ classes: undefined }, 'no usable classes; python code/NAME.py'],
    [{ mean: [1, 2], title: '' }, 'no usable title, mean;'],
    [{ std: [0, 1, 1] }, 'no usable std;'],
    [{ stages: [{ name: 'a' }] }, 'no usable stages;'],
    [{ stages: [null] }, 'no usable stages;'],
    [stage({ output: [] }), 'no usable stages;'],
    [stage({ output: [0, 4] }), 'no usable stages;'],
    [stage({ kernel: 'alert()' }), 'no usable stages;'],
    [{ class_activation: 'yes' }, 'no usable class_activation;'],
    [{ test_accuracy: 73 }, 'no usable test_accuracy;'],
    [{ title: 'a'.repeat(10_000) }, 'no usable title;'],
    [{ samples: [{ file: 'cat.png', probabilities: [1] }] }, 'no usable samples;'],
    [
      { classes: Array(125_000).fill('a') },
      'it has 125,000 classes, and this page shows at most 10',
    ],
    [{ stages: many }, 'it has 10,001 stages, and this page'],
    [stage({ output: [125_000] }), 'it has 125,000 maps in conv1, and this page'],
    [stage({ output: [4, 1000, 1000] }), 'it has 4,000,000 numbers in conv1, and'],
    [{ size: 300 }, 'pictures of 300 × 300 pixels, and this page makes at most 224 × 224'],
    [{ stages: [{ ...ABOUT.stages[1], kernel: true }] }, 'its graph has no pool.kernel;'],
    [{ stages: [{ ...ABOUT.stages[0], name: 'conv9' }] }, 'has no conv9, conv9.kernel;'],
  ];
  for (const [changes, words] of cases) {
    const said = refusal(file({ ...ABOUT, ...changes }));
    assert.ok(said.includes(words), `${said} | ${words}`);
  }
  assert.match(refusal(file(undefined)), /does not say what its classes, .* and its stages are;/);
  assert.equal(refusal(file('{')), 'its metadata "lecture" is not JSON');
  assert.match(refusal(file('null')), /has the format undefined/);
  assert.match(refusal(file(ABOUT, { inputs: ['x'] })), /its graph has no images;/);
});

/** A file of a network from elsewhere, whose input and output have these sides, 0 being free. */
function plainFile(input, output, more = []) {
  const side = (value) => field(1, value > 0 ? field(1, value) : field(2, 'n'));
  const value = (name, sides) =>
    Buffer.concat([field(1, name), field(2, field(1, field(2, Buffer.concat(sides.map(side)))))]);
  const graph = [field(11, value('x', input)), ...more, field(12, value('y', output))];
  return Buffer.concat([field(1, 9), field(7, Buffer.concat(graph))]);
}

test('a file from elsewhere says the shapes of what goes in and comes out', () => {
  const plain = { input: 'x', output: 'y', channels: 3, size: 32, count: 10 };
  assert.deepEqual(readPlain(plainFile([1, 3, 32, 32], [1, 10])), plain);
  const free = readPlain(plainFile([0, 1, 0, 0], [0, 0]));
  assert.deepEqual(free, { ...plain, channels: 1, size: undefined, count: undefined });
  // Weights are no input, though old exporters call them one.
  const weight = [field(11, field(1, 'w')), field(5, field(8, 'w'))];
  assert.equal(readPlain(plainFile([1, 3, 224, 224], [1, 5], weight))?.size, 224);
  assert.equal(readPlain(file(ABOUT)), undefined);
  for (const [bytes, words] of /** @type {[Buffer, RegExp][]} */ ([
    [plainFile([1, 32, 32, 3], [1, 10]), /it takes 1 × 32 × 32 × 3: this page shows squares/],
    [plainFile([1, 3, 32, 64], [1, 10]), /it takes 1 × 3 × 32 × 64: this page shows squares/],
    [plainFile([1, 3, 512, 512], [1, 10]), /pictures of 512 × 512 pixels, and this page makes/],
    [plainFile([1, 3, 8, 8], [1, 1]), /it has one output, and this page compares two or more/],
    [plainFile([1, 3, 8, 8], [1, 125_000]), /it has 125,000 classes, and this page shows at most/],
    [plainFile([1, 3, 8, 8], [1, 2], [field(11, field(1, 'z'))]), /it has 2 inputs/],
    [Buffer.from('an essay\n'), /this is no ONNX file/],
  ])) {
    assert.throws(() => readPlain(bytes), words);
  }
});

test('a file that no server sends any more is told by its name', async () => {
  const message = 'lenet.onnx cannot be loaded (no answer)';
  await assert.rejects(download('http://127.0.0.1:9/static/lenet.onnx'), { message });
});
