// Measure how fast a network learns in a page: milliseconds a step, and seconds to 80 % on shapes.
//
//     node benchmarks/learning.mjs
//
// It runs what the slide "Watch it learn" runs, onnxruntime's WebAssembly in one thread, without a
// browser. Beside the time that passed stands the processor's: on a busy machine they differ.

import fs from 'node:fs';

import * as ort from 'onnxruntime-web';

import { drawShapes } from '../static/js/learn/shapes.js';
import { Pictures, Training } from '../static/js/learn/training.js';

const HOME = new URL('../static/learn/', import.meta.url);
const WANTED = 0.8;
const MOST = 200_000; // images, after which it is given up
const STEPS = 20;

const read = (name) => fs.readFileSync(new URL(name, HOME));
const lesson = JSON.parse(String(read('lenet.json')));
ort.env.wasm.numThreads = 1;
const open = (name) => ort.InferenceSession.create(read(name));
const runtime = {
  step: await open(lesson.files.step),
  forward: await open(lesson.files.network),
  Tensor: ort.Tensor,
};

const classOf = (n) => n % lesson.classes.length;
function begin() {
  const drawing = drawShapes(lesson.training.seed);
  const pictures = new Pictures(lesson.training.count);
  const draw = () => pictures.add(drawing.next().value, classOf);
  const validation = new Pictures(lesson.validation.count);
  validation.add(drawShapes(lesson.validation.seed).next().value, classOf);
  const classes = lesson.classes.length;
  return new Training(runtime, lesson, { pictures, validation, draw, classes, every: 1000 });
}

/** Seconds that pass, and the processor's, for a job. */
async function timed(job) {
  const [from, used] = [performance.now(), process.cpuUsage()];
  await job();
  const { user, system } = process.cpuUsage(used);
  return { passed: (performance.now() - from) / 1e3, worked: (user + system) / 1e6 };
}

const told = ({ passed, worked }, factor, unit) =>
  `${(factor * passed).toFixed(1)} ${unit} (${(factor * worked).toFixed(1)} ${unit} of the processor)`;

for (const batch of [16, 32, 64, 128]) {
  const training = begin();
  const settings = { ...lesson.settings.shapes, batch };
  await training.step(settings); // the first takes longer, and measures
  training.data.every = Infinity;
  const time = await timed(async () => {
    for (let n = 0; n < STEPS; n += 1) await training.step(settings);
  });
  console.log(`a step of ${batch}: ${told(time, 1e3 / STEPS, 'ms')}`);
}

const training = begin();
const reached = () => training.points.at(-1)?.accuracy ?? 0;
const time = await timed(async () => {
  while (reached() < WANTED && training.images < MOST) await training.step(lesson.settings.shapes);
});
console.log(
  `${(100 * reached()).toFixed(1)} % after ${training.images} images: ${told(time, 1, 's')}`,
);
