// What goes into a network and what comes out of it, before and after onnxruntime.

import { Complaint, MOST, outputsOf } from './onnx.js';
import { LUMA, scaleSquare, sideOf } from './picture.js';

/** Scale and normalise RGB pixels as a network wants them: channel after channel, or one of grey. */
export function normalise({ mean, std, size }, pixels) {
  const side = sideOf(pixels);
  const scaled = side === size ? pixels : scaleSquare(pixels, side, 3, size);
  const plane = size * size;
  const values = new Float32Array(mean.length * plane);
  for (let c = 0; c < mean.length; c += 1) {
    for (let n = 0; n < plane; n += 1) {
      const grey = () => LUMA.reduce((sum, weight, i) => sum + weight * scaled[3 * n + i], 0);
      const value = mean.length === 1 ? grey() : scaled[3 * n + c];
      values[c * plane + n] = (value / 255 - mean[c]) / std[c];
    }
  }
  return values;
}

/** What a network says, as probabilities: some files have their softmax inside. */
export function probabilitiesOf(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  const areOnes = values.every((value) => value >= 0) && Math.abs(sum - 1) < 1e-3;
  return areOnes ? Array.from(values) : softmax(values);
}

/** Return the probabilities that logits stand for. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

const sizeOf = (sides) => sides.reduce((product, side) => product * side, 1);

// How many maps say where a network looks.
const LOOKS = { class_activation: ({ length }) => length, attention_rollout: () => 1 };

/** Tell whether an output has the shape that the page draws. */
function hasShape({ stages, classes }, name, dims) {
  const [first, second] = dims;
  if (name === 'logits') return sizeOf(dims) === classes.length;
  const looks = LOOKS[name]?.(classes);
  if (looks) return dims.length === 4 && first === 1 && second === looks;
  const stage = stages.find((each) => outputsOf(each).includes(name));
  if (name !== stage.name) return dims.length === 4 && first === stage.output[0];
  // What follows may have flattened it already.
  const isMaps = dims.length > 1 && dims.length < 5 && first === 1 && second <= MOST;
  return isMaps && sizeOf(dims) === sizeOf(stage.output);
}

/** Throw a Complaint where an output is not what the metadata says: the page could not draw it. */
export function checkShape(network, name, { dims, type }) {
  if (type !== 'float32') {
    throw new Complaint(`its output ${name} is of ${type}, and this page reads float32`);
  }
  if (hasShape(network, name, dims)) return;
  if (name === 'logits') {
    throw new Complaint(`it has ${sizeOf(dims)} outputs for ${network.classes.length} classes`);
  }
  const shape = dims.length > 0 ? `of the shape ${dims.join(' × ')}` : 'a single number';
  throw new Complaint(`its output ${name} is ${shape}, which its metadata does not say`);
}

/** Throw a Complaint where an answer holds what is no number: no bar and no map shows it. */
export function checkNumbers(outputs) {
  const wrong = Object.keys(outputs).find((name) => !outputs[name].data.every(Number.isFinite));
  if (wrong) throw new Complaint(`its output ${wrong} holds something that is not a number`);
}
