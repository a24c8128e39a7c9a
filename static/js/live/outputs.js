// What goes into a network and what comes out of it, before and after onnxruntime.

import { Complaint, MOST, outputsOf } from './onnx.js';
import { SIDE } from './picture.js';

/** Normalise pixels, SIDE x SIDE x RGB, as a network's file says: channel after channel. */
export function normalise({ mean, std }, pixels) {
  const plane = SIDE * SIDE;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c += 1) {
    for (let n = 0; n < plane; n += 1) {
      values[c * plane + n] = (pixels[3 * n + c] / 255 - mean[c]) / std[c];
    }
  }
  return values;
}

/** Return the probabilities that logits stand for. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

const sizeOf = (sides) => sides.reduce((product, side) => product * side, 1);

/** Tell whether an output has the shape that the page draws. */
function hasShape({ stages, classes }, name, dims) {
  const [first, second] = dims;
  if (name === 'logits') return sizeOf(dims) === classes.length;
  if (name === 'class_activation') {
    return dims.length === 4 && first === 1 && second === classes.length;
  }
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
