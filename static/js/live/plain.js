// What an ONNX file from anywhere says of itself: the shapes of its input and output, and no more.

import {
  attempt,
  checkCounts,
  checkSize,
  Complaint,
  fields,
  GRAPH,
  NAME,
  NO_FILE,
  readModel,
  text,
} from './onnx.js';

const [TYPE, TENSOR, SHAPE, DIM, VALUE] = [2, 1, 2, 1, 1]; // each of them within the one before
const WEIGHT_NAME = 8; // of an initializer, which old files have among the inputs, too

/**
 * @typedef {{input: string, output: string, channels: number, size?: number, count?: number}} Plain
 *   names of input and output, and their sides where they are fixed
 */

/** The sides of an input or output; undefined where one is free. */
function shapeOf(value) {
  const within = (bytes, number) => new Map(fields(bytes ?? [])).get(number);
  const shape = within(within(within(value, TYPE), TENSOR), SHAPE) ?? [];
  return [...fields(shape)]
    .filter(([number]) => number === DIM)
    .map(([, dim]) => within(dim, VALUE));
}

/**
 * Return what a file says whose exporter knew nothing of this lecture.
 *
 * @param {Uint8Array} bytes the file
 * @returns {Plain|undefined} undefined where it says what `readNetwork` reads
 * @throws {Complaint} one line that says why no picture can be shown to it
 */
export function readPlain(bytes) {
  const { metadata, parts } = attempt(() => readModel(bytes), NO_FILE);
  if (metadata.has('lecture')) return undefined;
  const all = (kind) => parts.filter(([number]) => number === kind).map(([, value]) => value);
  const name = (value, number) => text(new Map(fields(value)).get(number) ?? new Uint8Array());
  const weights = new Set(all(GRAPH.initializer).map((value) => name(value, WEIGHT_NAME)));
  const inputs = all(GRAPH.input).filter((value) => !weights.has(name(value, NAME)));
  const [[input], [output]] = [inputs, all(GRAPH.output)];
  if (inputs.length !== 1 || output === undefined) {
    throw new Complaint(`it has ${inputs.length} inputs, and this page has one picture for it`);
  }
  const [, channels = 3, height, width] = shapeOf(input);
  if (![1, 3].includes(channels) || height !== width) {
    const sides = shapeOf(input).map((side) => side ?? 'n');
    const takes = sides.length > 0 ? sides.join(' × ') : 'something else';
    throw new Complaint(
      `it takes ${takes}: this page shows squares of 1 or 3 channels, n × 3 × s × s`,
    );
  }
  if (height !== undefined) checkSize(height);
  const [, count] = shapeOf(output);
  if (count === 1) throw new Complaint('it has one output, and this page compares two or more');
  checkCounts({ classes: { length: count ?? 0 }, stages: [] });
  return { input: name(input, NAME), output: name(output, NAME), channels, size: height, count };
}
