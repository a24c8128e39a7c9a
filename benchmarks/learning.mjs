// Measure how fast networks learn in a page: milliseconds a step, and seconds to 80 % on shapes.
//
//     node benchmarks/learning.mjs            every network of static/learn
//     node benchmarks/learning.mjs resnet     one of them
//
// It runs what the slides "Watch it learn" run, onnxruntime's WebAssembly in one thread, without a
// browser. Beside the time that passed stands the processor's: on a busy machine they differ. Of
// the steps it is the median.

import fs from 'node:fs';

import * as ort from 'onnxruntime-web';

import { drawShapes } from '../static/js/learn/shapes.js';
import { Pictures, Training } from '../static/js/learn/training.js';

const HOME = new URL('../static/learn/', import.meta.url);
const WANTED = 0.8;
const MOST = 200_000; // images, after which it is given up
const STEPS = 20;

const read = (name) => fs.readFileSync(new URL(name, HOME));
ort.env.wasm.numThreads = 1;
const open = (name) => ort.InferenceSession.create(read(name));

function begin(runtime, lesson) {
  const classOf = (n) => n % lesson.classes.length;
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

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const told = ({ passed, worked }, factor, unit) =>
  `${(factor * passed).toFixed(1)} ${unit} (${(factor * worked).toFixed(1)} ${unit} of the processor)`;

async function measure(name) {
  const lesson = JSON.parse(String(read(name)));
  const runtime = {
    step: await open(lesson.files.step),
    forward: await open(lesson.files.network),
    Tensor: ort.Tensor,
  };
  for (const batch of [16, 32, 64, 128]) {
    const training = begin(runtime, lesson);
    const settings = { ...lesson.settings.shapes, batch };
    await training.step(settings); // the first takes longer, and measures
    training.data.every = Infinity;
    const times = [];
    for (let n = 0; n < STEPS; n += 1) times.push(await timed(() => training.step(settings)));
    const time = {
      passed: median(times.map(({ passed }) => passed)),
      worked: median(times.map(({ worked }) => worked)),
    };
    console.log(`${lesson.title}, a step of ${batch}: ${told(time, 1e3, 'ms')}`);
  }
  const training = begin(runtime, lesson);
  const { shapes } = lesson.settings;
  const reached = () => training.points.at(-1)?.accuracy ?? 0;
  const time = await timed(async () => {
    while (reached() < WANTED && training.images < MOST) await training.step(shapes);
  });
  const share = `${(100 * reached()).toFixed(1)} %`;
  console.log(`${lesson.title}, ${share} after ${training.images} images: ${told(time, 1, 's')}`);
}

const every = fs.readdirSync(HOME).filter((name) => name.endsWith('.json'));
const names = process.argv.slice(2).map((name) => `${name}.json`);
for (const name of names.length > 0 ? names : every) await measure(name);
