// A network that learns in the page: its training, run here as the worker runs it, and its curves.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import * as ort from 'onnxruntime-web';

import { charts, room } from '../../static/js/learn/chart.js';
import { keep, only } from '../../static/js/learn/keep.js';
import { drawShapes } from '../../static/js/learn/shapes.js';
import { IMAGE, normalised, Pictures, Training } from '../../static/js/learn/training.js';
import { readNetwork } from '../../static/js/live/onnx.js';

const file = (name) => fs.readFileSync(new URL(`../../static/learn/${name}`, import.meta.url));
const lesson = JSON.parse(String(file('lenet.json')));
ort.env.wasm.numThreads = 1;
const runtime = {
  step: await ort.InferenceSession.create(file(lesson.files.step)),
  forward: await ort.InferenceSession.create(file(lesson.files.network)),
  Tensor: ort.Tensor,
};
const images = drawShapes(0).next().value;
const settings = { lr: 0.02, momentum: 0.9, batch: 16, augment: true };

const last = (points) => points[points.length - 1];

/** A training on forty discs and squares. */
function begin(every = 160) {
  const kinds = [0, 2];
  const pictures = new Pictures(40);
  for (let n = 0; n < 40; n += 1) {
    const at = 10 * Math.floor(n / 2) + kinds[n % 2];
    pictures.add(images.subarray(at * IMAGE, (at + 1) * IMAGE), () => n % 2);
  }
  return new Training(runtime, lesson, { pictures, validation: pictures, classes: 2, every });
}

async function train(training, steps, changes = {}) {
  const losses = [];
  for (let n = 0; n < steps && !training.isLost; n += 1) {
    await training.step({ ...settings, ...changes });
    losses.push(...training.losses.slice(-1));
  }
  return losses;
}

test('two classes of twenty pictures are learned in seconds, and again in the same way', async () => {
  const training = begin();
  await train(training, 101, { augment: false });
  assert.equal(training.images, 1616);
  assert.ok(training.points[0].accuracy < 0.8);
  assert.ok(last(training.points).accuracy > 0.9, JSON.stringify(training.points));
  const first = begin(1e9);
  const losses = await train(first, 5);
  first.again();
  assert.deepEqual(first.points, []);
  assert.deepEqual(await train(first, 5), losses);
});

test('a rate too high ends in a loss that is not a number, and one too low in nothing learned', async () => {
  const high = begin();
  await train(high, 60, { lr: 3 });
  assert.ok(high.isLost);
  const low = begin();
  await train(low, 20, { lr: 0.0001 });
  assert.ok(Math.abs(last(low.points).loss - Math.log(10)) < 0.1);
});

test('what was learned is kept in a file that a live slide reads and that answers the same', async () => {
  const training = begin();
  await train(training, 10);
  const weights = only(2, lesson.parameters, training.averages);
  const stages = lesson.stages.map((stage) =>
    stage.name === 'output' ? { ...stage, output: [2] } : stage,
  );
  const about = {
    format: 1,
    network: 'lenet',
    title: 'LeNet',
    classes: ['disc', 'square'],
    size: 32,
  };
  const { mean, std, macs } = lesson;
  const more = { mean, std, macs, stages, parameters: 61326, dataset: 'drawn shapes' };
  const bytes = keep(file(lesson.files.network), weights, { ...about, ...more });
  assert.deepEqual(readNetwork(bytes).classes, ['disc', 'square']);
  const session = await ort.InferenceSession.create(bytes);
  assert.deepEqual(session.inputNames, ['images']);
  const given = normalised(lesson, images.subarray(0, IMAGE));
  const outputs = await session.run({ images: new ort.Tensor('float32', given, [1, 3, 32, 32]) });
  assert.deepEqual(outputs['c1.kernel'].dims, [6, 3, 5, 5]);
  const [powers, [wanted]] = [
    [...outputs.logits.data].map((each) => Math.exp(Number(each))),
    await training.ask(given),
  ];
  assert.equal(powers.length, 2);
  assert.ok(Math.abs(powers[0] / (powers[0] + powers[1]) - wanted[0]) < 1e-5);
});

test('curves have round axes, begin with no loss and end where it is not a number', () => {
  assert.equal(room(0, 1000), 1000);
  assert.equal(room(12_000, 10_000), 20_000);
  const points = [
    { images: 0, accuracy: 0.1 },
    { images: 5000, loss: 2, accuracy: 0.5 },
    { images: 10_000, loss: 1, accuracy: 0.75 },
    { images: 10_064, loss: NaN, accuracy: 0 },
  ];
  const paths = [...charts(points).matchAll(/class="now" d="(.*?)"/g)].map(([, d]) => d);
  assert.deepEqual(paths, [
    'M250.0 200.0L500.0 600.0',
    'M0.0 900.0L250.0 500.0L500.0 250.0L503.2 1000.0',
  ]);
  assert.match(charts(points), /Loss: <strong>not a number<\/strong>.*Right on others: <strong>0/);
  assert.match(charts([], points), /class="before"/);
  assert.doesNotMatch(charts([]), /path class="now"/);
});
