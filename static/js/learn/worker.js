// Trains beside the page, so that the deck never waits for it.
//
// A message asks for a job and is answered by `{ id, result }` or `{ id, error }`. While it trains,
// it also tells how it goes: `{ told }`.

import { download, loadRuntime, told } from '../live/runtime.js';
import { keep, only } from './keep.js';
import { drawShapes } from './shapes.js';
import { firstWeights, IMAGE, normalised, Pictures, Training } from './training.js';

const PAUSE = 150; // ms between what is told
const SHOWN = 10; // pictures, one of each class
const HELD_OUT = 5; // of the room's pictures every fifth is for validation
const LONGEST_OWN = 150; // steps on the room's pictures: seconds

let lesson; // what is learned, as its file says
let base; // where its files lie
let settings;
let sessions; // the step and the network, once they are asked for
let validation; // drawn shapes
let own; // the room's pictures
const trainings = {}; // by kind: shapes, own
let turn = 0;
let queue = Promise.resolve(); // one job of onnxruntime at a time

function inTurn(job) {
  const done = queue.then(job);
  queue = done.catch(() => {});
  return done;
}

async function loadSessions() {
  const [step, network] = await Promise.all(
    [lesson.files.step, lesson.files.network].map((name) => download(new URL(name, base))),
  );
  const { InferenceSession, Tensor } = await loadRuntime();
  const options = { executionProviders: ['wasm'] };
  return {
    step: await InferenceSession.create(step.slice(), options),
    forward: await InferenceSession.create(network.slice(), options),
    Tensor,
    network,
  };
}

const classOf = (n) => n % lesson.classes.length;

function shapesData() {
  const { count, seed } = lesson.training;
  const drawing = drawShapes(seed);
  const pictures = new Pictures(count);
  const draw = () => pictures.add(drawing.next().value, classOf);
  return { pictures, validation, draw, classes: lesson.classes.length, every: 1000 };
}

function ownData() {
  const parts = [false, true].map((isHeld) => {
    const mine = own.pictures.filter((_, n) => (n % HELD_OUT === 0) === isHeld);
    const pictures = new Pictures(mine.length);
    for (const { pixels, label } of mine) pictures.add(planes(pixels), () => label);
    return pictures;
  });
  return { pictures: parts[0], validation: parts[1], classes: own.classes, every: 160 };
}

/** From RGB, pixel after pixel, to channel after channel. */
const planes = (pixels) =>
  Uint8Array.from({ length: IMAGE }, (_, n) => {
    const plane = IMAGE / 3;
    return pixels[3 * (n % plane) + Math.floor(n / plane)];
  });

/** And back, of an image among many. */
const pixelsOf = (bytes, n) =>
  Uint8ClampedArray.from({ length: IMAGE }, (_, at) => {
    return bytes[n * IMAGE + (at % 3) * (IMAGE / 3) + Math.floor(at / 3)];
  });

async function trainingOf(kind) {
  sessions ??= loadSessions().catch((error) => {
    sessions = undefined; // what was lost on the way is asked for again
    throw error;
  });
  const loaded = await sessions;
  trainings[kind] ??= new Training(loaded, lesson, kind === 'own' ? ownData() : shapesData());
  return trainings[kind];
}

function tell(kind, isRunning) {
  const { steps, images, seconds, points, isLost, answers = [], averages } = trainings[kind];
  const filters = averages.get(lesson.parameters[0].name);
  postMessage({
    told: {
      kind,
      isRunning,
      steps,
      images,
      seconds,
      points,
      isLost,
      answers: answers.slice(0, SHOWN),
      filters: { dims: lesson.parameters[0].shape, data: filters.data.slice() },
    },
  });
}

async function takeStep(training) {
  const from = performance.now();
  await inTurn(() => training.step(settings));
  training.seconds += (performance.now() - from) / 1000;
}

/** Train until something else is asked for. */
async function run(kind, mine, steps) {
  const training = await trainingOf(kind);
  let last = -Infinity;
  for (let n = 0; n < steps && mine === turn && !training.isLost; n += 1) {
    await takeStep(training);
    if (mine === turn && performance.now() - last > PAUSE) {
      last = performance.now();
      tell(kind, true);
    }
    await new Promise((resolve) => setTimeout(resolve)); // for what was asked meanwhile
  }
  if (mine !== turn) return;
  if (training.points.at(-1)?.images !== training.images) await inTurn(() => training.measure());
  tell(kind, false);
}

const JOBS = {
  /** What there is to be learned, and how it begins. */
  async open({ url }) {
    base = url;
    lesson = JSON.parse(new TextDecoder().decode(await download(url)));
    settings = lesson.settings.shapes;
    const { count, seed } = lesson.validation;
    validation = new Pictures(count);
    validation.add(drawShapes(seed).next().value, classOf);
    const [{ name, shape }] = lesson.parameters;
    const data = firstWeights(lesson, 0).get(name);
    return {
      lesson,
      pictures: Array.from({ length: SHOWN }, (_, n) => pixelsOf(validation.bytes, n)),
      filters: { dims: shape, data },
    };
  },

  set({ chosen }) {
    settings = chosen;
  },

  /** Train: for one step, or until it is enough. */
  async go({ kind, steps }) {
    turn += 1;
    await run(kind, turn, steps ?? (kind === 'own' ? LONGEST_OWN : Infinity));
  },

  pause({ kind }) {
    turn += 1;
    if (trainings[kind]) tell(kind, false);
  },

  again({ kind }) {
    turn += 1;
    trainings[kind]?.again();
    if (trainings[kind]) tell(kind, false);
  },

  /** Take the room's pictures. */
  teach({ pictures, classes }) {
    turn += 1;
    own = { pictures, classes };
    delete trainings.own;
  },

  /** What the network that the room has taught takes a picture for. */
  async ask({ pixels }) {
    return inTurn(async () => {
      const [shares] = await trainings.own.ask(normalised(lesson, planes(pixels)));
      return shares;
    });
  },

  /** The network as a file. */
  async keep({ kind, classes }) {
    const { network } = await sessions;
    const weights = only(classes.length, lesson, trainings[kind].averages);
    const counts = lesson.parameters.map(({ name }) => weights.get(name)?.data.length ?? 0);
    const { title, mean, std, macs, stages, class_activation } = lesson;
    const output = [classes.length];
    return keep(network, weights, {
      format: 1,
      network: lesson.network,
      title,
      classes,
      size: 32,
      mean,
      std,
      stages: [...stages.slice(0, -1), { ...stages.at(-1), output }],
      class_activation,
      parameters: counts.reduce((sum, count) => sum + count, 0),
      macs,
      dataset: kind === 'own' ? 'pictures of the room' : 'drawn shapes',
      validation_accuracy: trainings[kind].points.at(-1)?.accuracy,
    });
  },
};

addEventListener('message', async ({ data: { id, job, ...given } }) => {
  try {
    postMessage({ id, result: await JOBS[job](given) });
  } catch (error) {
    postMessage({ id, error: told(error) });
  }
});
