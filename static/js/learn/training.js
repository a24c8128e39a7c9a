// A training, step by step: weights, batches, and what is told of them. It runs in a worker, and in
// Node for the benchmark and the tests; onnxruntime is given to it.

import { softmax } from '../live/outputs.js';
import { top } from '../live/words.js';
import { Random } from './random.js';

const SIDE = 32;
const TOGETHER = 100; // images asked at once: of more, the maps do not stay in the processor's cache
const PLANE = SIDE * SIDE;
export const IMAGE = 3 * PLANE; // numbers of an image, channel after channel

/**
 * @typedef {{name: string, shape: number[], constant?: number}} Weight a parameter, or a running statistic
 * @typedef {{name: string, count: number, bound?: number, deviation?: number}} Draw of a weight, or of none
 * @typedef {{lr: number, momentum: number, batch: number, augment: boolean}} Settings
 * @typedef {{parameters: Weight[], statistics: Weight[], draws: Draw[], mean: number[], std: number[], shift: number, ema: number}} About
 * @typedef {{images: number, loss?: number, accuracy: number}} Point of a curve
 * @typedef {{step: any, forward: any, Tensor: any}} Runtime two sessions of onnxruntime, and its Tensor
 */

/** Pictures in bytes, channel after channel, with their labels. */
export class Pictures {
  /** @param {number} most that there will be */
  constructor(most) {
    this.bytes = new Uint8Array(most * IMAGE);
    this.labels = new Uint8Array(most);
    this.most = most;
    this.count = 0;
  }

  /** Add images, as many as there is room for. @param {(n: number) => number} label of each */
  add(images, label) {
    const count = Math.min(images.length / IMAGE, this.most - this.count);
    this.bytes.set(images.subarray(0, count * IMAGE), this.count * IMAGE);
    for (let n = 0; n < count; n += 1) this.labels[this.count + n] = label(n);
    this.count += count;
  }
}

const product = (sides) => sides.reduce((all, side) => all * side, 1);

/**
 * The weights and running statistics that PyTorch would begin with, by name.
 *
 * @param {Pick<About, 'parameters'|'statistics'|'draws'>} about
 * @param {number} seed
 */
export function firstWeights({ parameters, statistics, draws }, seed) {
  const random = new Random(seed);
  const constant = [...parameters, ...statistics].map(
    ({ name, shape, constant: value = 0 }) =>
      /** @type {const} */ ([name, new Float32Array(product(shape)).fill(value)]),
  );
  const weights = new Map(constant);
  for (const { name, count, bound, deviation = 1 } of draws) {
    const drawn =
      bound === undefined
        ? random.normal(count).map((value) => value * deviation)
        : random.uniform(count, -bound, bound);
    if (weights.has(name)) weights.set(name, drawn); // else of a layer that was replaced
  }
  return weights;
}

/** Write one image into a batch, normalised: moved, with black coming in, and mirrored or not. */
function place({ mean, std }, bytes, from, batch, to, { right, down, mirrored }) {
  for (let c = 0; c < 3; c += 1) {
    const start = from + c * PLANE;
    for (let y = 0, at = to + c * PLANE; y < SIDE; y += 1) {
      const row = y - down;
      for (let x = 0; x < SIDE; x += 1, at += 1) {
        const column = (mirrored ? SIDE - 1 - x : x) - right;
        const isInside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
        const value = isInside ? bytes[start + row * SIDE + column] : 0;
        batch[at] = (value / 255 - mean[c]) / std[c];
      }
    }
  }
}

const STILL = { right: 0, down: 0, mirrored: false };

/** One image after another, normalised. @param {Pick<About, 'mean'|'std'>} about */
export function normalised(about, bytes, count = bytes.length / IMAGE) {
  const values = new Float32Array(count * IMAGE);
  for (let n = 0; n < count; n += 1) place(about, bytes, n * IMAGE, values, n * IMAGE, STILL);
  return values;
}

export class Training {
  life = 0; // how often it was begun
  steps = 0;
  images = 0;
  seconds = 0;
  at = 0; // the place of the next image in its order
  /** @type {Uint32Array|undefined} */
  order; // undefined in the first pass: as they are drawn
  random = new Random(0);
  /** @type {Map<string, any>} */
  values = new Map(); // weights, running statistics and momenta
  /** @type {Map<string, any>} */
  averages = new Map(); // it answers with a moving average of its weights, as with --ema
  /** @type {number[]} */
  losses = []; // since it was measured last
  /** @type {Point[]} */
  points = [];
  /** @type {number[][]} */
  answers = [];
  isLost = false; // whether the loss is no longer a number

  /**
   * @param {Runtime} runtime
   * @param {About} about the network and its images
   * @param {object} data
   * @param {Pictures} data.pictures to train on
   * @param {Pictures} data.validation those to measure with
   * @param {() => void} [data.draw] draws more of the pictures, while there is room
   * @param {number} data.classes of them; outputs beyond these are not asked for
   * @param {number} data.every as many images, it is measured
   */
  constructor(runtime, about, data) {
    this.runtime = runtime;
    this.about = about;
    this.data = data;
    this.measured = normalised(about, data.validation.bytes, data.validation.count);
    this.again();
  }

  /** Begin anew, with the weights of the first time. */
  again(seed = 0) {
    const { Tensor } = this.runtime;
    const { parameters, statistics } = this.about;
    const weights = firstWeights(this.about, seed);
    for (const { name, shape } of [...parameters, ...statistics]) {
      const values = /** @type {Float32Array} */ (weights.get(name));
      this.values.set(name, new Tensor('float32', values, shape));
      this.averages.set(name, new Tensor('float32', values.slice(), shape));
    }
    for (const { name, shape } of parameters) {
      const none = new Float32Array(product(shape));
      this.values.set(`${name}.momentum`, new Tensor('float32', none, shape));
    }
    this.random = new Random(seed);
    this.life += 1;
    this.order = undefined;
    Object.assign(this, { steps: 0, images: 0, seconds: 0, at: 0, isLost: false });
    Object.assign(this, { losses: [], points: [], answers: [] });
  }

  /** The place of the next image. */
  next() {
    const { pictures, draw } = this.data;
    if (this.at === pictures.count && pictures.count < pictures.most) draw?.();
    if (this.at >= pictures.count) {
      this.order = this.random.order(pictures.count);
      this.at = 0;
    }
    this.at += 1;
    return this.order ? this.order[this.at - 1] : this.at - 1;
  }

  /** Make a batch, of images that may be moved and mirrored, with its targets. */
  batch({ batch: count, augment }) {
    const { about, random } = this;
    const { pictures } = this.data;
    const [classes] = about.parameters[about.parameters.length - 1].shape;
    const images = new Float32Array(count * IMAGE);
    const targets = new Float32Array(count * classes);
    const shift = () => random.below(2 * about.shift + 1) - about.shift;
    for (let n = 0; n < count; n += 1) {
      const chosen = this.next();
      const moved = augment
        ? { right: shift(), down: shift(), mirrored: random.share() < 0.5 }
        : STILL;
      place(about, pictures.bytes, chosen * IMAGE, images, n * IMAGE, moved);
      targets[n * classes + pictures.labels[chosen]] = 1 / count;
    }
    return { images, targets, classes };
  }

  /** Take one step. @param {Settings} settings */
  async step(settings) {
    if (this.points.length === 0) await this.measure();
    const { Tensor, step } = this.runtime;
    const { life } = this;
    const { images, targets, classes } = this.batch(settings);
    const outputs = await step.run({
      ...Object.fromEntries(this.values),
      images: new Tensor('float32', images, [settings.batch, 3, SIDE, SIDE]),
      targets: new Tensor('float32', targets, [settings.batch, classes]),
      lr: new Tensor('float32', [settings.lr], []),
      momentum: new Tensor('float32', [settings.momentum], []),
    });
    if (life !== this.life) return; // begun anew meanwhile
    for (const name of this.values.keys()) this.values.set(name, outputs[`${name}.new`]);
    this.average();
    const loss = outputs.loss.data[0];
    this.isLost = !Number.isFinite(loss);
    this.losses.push(loss);
    this.steps += 1;
    this.images += settings.batch;
    const since = this.images - this.points[this.points.length - 1].images;
    const isDue = this.steps === 1 || since >= this.data.every; // a curve begins with the first step
    if (isDue || this.isLost) await this.measure();
  }

  average() {
    const rest = 1 - this.about.ema;
    for (const { name } of this.about.parameters) {
      const [{ data: mean }, { data }] = [this.averages.get(name), this.values.get(name)];
      for (let n = 0; n < mean.length; n += 1) mean[n] += rest * (data[n] - mean[n]);
    }
    // A running statistic is a moving average already.
    for (const { name } of this.about.statistics) this.averages.set(name, this.values.get(name));
  }

  /** The probabilities of each class, for normalised images. @returns {Promise<number[][]>} */
  async ask(images) {
    const { Tensor, forward } = this.runtime;
    const count = images.length / IMAGE;
    const given = new Tensor('float32', images, [count, 3, SIDE, SIDE]);
    const { logits } = await forward.run({ ...Object.fromEntries(this.averages), images: given }, [
      'logits',
    ]);
    const width = logits.dims[1];
    return Array.from({ length: count }, (_, n) =>
      softmax(logits.data.subarray(n * width, n * width + this.data.classes)),
    );
  }

  /** Measure on the validation images, and note a point of the curve. */
  async measure() {
    const { validation } = this.data;
    this.answers = [];
    for (let from = 0; from < validation.count; from += TOGETHER) {
      const part = this.measured.subarray(from * IMAGE, (from + TOGETHER) * IMAGE);
      this.answers.push(...(await this.ask(part)));
    }
    const right = this.answers.filter((shares, n) => top(shares) === validation.labels[n]).length;
    const known = this.losses.filter(Number.isFinite);
    const mean = known.reduce((total, loss) => total + loss, 0) / known.length;
    const { images } = this;
    const accuracy = right / validation.count;
    this.losses = [];
    if (images === 0) this.points.push({ images, accuracy });
    else if (known.length > 0) this.points.push({ images, loss: mean, accuracy });
    if (this.isLost) this.points.push({ images, loss: NaN, accuracy });
  }
}
