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
ort.env.wasm.numThreads = 1;

/** A lesson, and what runs it. */
async function load(name) {
  const lesson = JSON.parse(String(file(`${name}.json`)));
  const runtime = {
    step: await ort.InferenceSession.create(file(lesson.files.step)),
    forward: await ort.InferenceSession.create(file(lesson.files.network)),
    Tensor: ort.Tensor,
  };
  return { lesson, runtime };
}
const names = fs
  .readdirSync(new URL('../../static/learn', import.meta.url))
  .filter((name) => name.endsWith('.json'));
const all = await Promise.all(names.map((name) => load(name.replace('.json', ''))));
const lenet = all[names.indexOf('lenet.json')];
const images = drawShapes(0).next().value;
const settings = { lr: 0.02, momentum: 0.9, batch: 16, augment: true };

const last = (points) => points[points.length - 1];

/** A training on forty discs and squares. */
function begin(every = 160, { lesson, runtime } = lenet) {
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

test('two classes of twenty pictures are learned from batches of eight, and again in the same way', async () => {
  const training = begin();
  await train(training, 101, { augment: false, batch: 8 });
  assert.equal(training.images, 808);
  assert.ok(training.points[0].accuracy < 0.8);
  assert.ok(last(training.points).accuracy > 0.9, JSON.stringify(training.points));
  const first = begin(1e9);
  const losses = await train(first, 5);
  first.again();
  assert.deepEqual(first.points, []);
  assert.deepEqual(await train(first, 5), losses);
});

test('it answers with averages of its weights, and with the running statistics of its last step', async (t) => {
  const there = all.find(({ lesson }) => lesson.statistics.length > 0);
  if (!there) return t.skip('no network here has batch norm');
  const { parameters, statistics } = there.lesson;
  const training = begin(1e9, there);
  const { averages, values } = training;
  const of = (map, { name }) => [...map.get(name).data];
  const first = of(values, parameters[0]);
  await train(training, 2);
  const [mean, now] = [of(averages, parameters[0]), of(values, parameters[0])];
  assert.ok(mean.every((value, n) => Math.abs(value - first[n]) < Math.abs(now[n] - first[n])));
  assert.ok(of(values, statistics[1]).every((value) => value !== 1));
  assert.deepEqual(of(averages, statistics[1]), of(values, statistics[1]));
});

test('a rate too high ends in a loss that is not a number, and one too low in nothing learned', async () => {
  const high = begin();
  await train(high, 60, { lr: 3 });
  assert.ok(high.isLost);
  const low = begin();
  await train(low, 20, { lr: 0.0001 });
  assert.ok(Math.abs(last(low.points).loss - Math.log(10)) < 0.1);
});

for (const each of all) {
  const { lesson } = each;
  test(`what ${lesson.title} has learned is kept in a file that a live slide reads and that answers the same`, async () => {
    const training = begin(160, each);
    await train(training, 5);
    const weights = only(2, lesson, training.averages);
    const stages = lesson.stages.map((stage, n) =>
      n === lesson.stages.length - 1 ? { ...stage, output: [2] } : stage,
    );
    const { network, title, mean, std, macs, class_activation } = lesson;
    const about = { format: 1, network, title, classes: ['disc', 'square'], size: 32 };
    const more = { mean, std, macs, stages, class_activation, parameters: 1, dataset: 'shapes' };
    const bytes = keep(file(lesson.files.network), weights, { ...about, ...more });
    assert.deepEqual(readNetwork(bytes).classes, ['disc', 'square']);
    const session = await ort.InferenceSession.create(bytes);
    assert.deepEqual(session.inputNames, ['images']);
    const given = normalised(lesson, images.subarray(0, IMAGE));
    const outputs = await session.run({ images: new ort.Tensor('float32', given, [1, 3, 32, 32]) });
    const [{ name, shape }] = lesson.parameters;
    assert.deepEqual(outputs[`${name.split('.')[0]}.kernel`].dims, shape);
    if (class_activation) assert.equal(outputs.class_activation.dims[1], 2);
    const [powers, [wanted]] = [
      [...outputs.logits.data].map((value) => Math.exp(Number(value))),
      await training.ask(given),
    ];
    assert.equal(powers.length, 2);
    assert.ok(Math.abs(powers[0] / (powers[0] + powers[1]) - wanted[0]) < 1e-5);
  });
}

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
