// Reads what an ONNX file says of itself, without running it: in the page, and when a deck is built.
//
// A file of this lecture (`python code/resnet.py export`) carries all that a page must know under
// the metadata key `lecture`. ONNX is a protobuf; of its fields four are read here, and the rest,
// the weights above all, is skipped. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

/**
 * @typedef {{name: string, kind: string, output: number[], kernel?: boolean}} Stage and its shape
 * @typedef {{file: string, probabilities: number[]}} Sample and what Python had for it
 * @typedef {{network: string, title: string, classes: string[], size: number, mean: number[],
 *   std: number[], stages: Stage[], class_activation?: boolean, attention_rollout?: boolean, parameters: number, macs: number,
 *   dataset: string, recipe?: Record<string, any>, test_accuracy?: number,
 *   samples?: Sample[]}} Network as its file says
 */

const MODEL = { graph: 7, metadata: 14 };
export const GRAPH = { input: 11, output: 12, initializer: 5 };
const ENTRY = { key: 1, value: 2 };
export const NAME = 1; // of an input or output
const FORMAT = 1;
const LARGEST = 224; // pixels a side
const LONGEST = 200; // characters of a name
// What a page can show: classes, stages or maps of a stage, and numbers in all maps of one.
export const MOST = 10_000;
const MOST_NUMBERS = 1_000_000;

export const NO_FILE = 'this is no ONNX file, or a part of one';
const EXPORT = 'python code/NAME.py export writes one that has it';

/** A mistake that its message tells as it is, in a line for whom it concerns. */
export class Complaint extends Error {}

/** Return what `read` does; where it cannot, tell the file's owner in a line. */
export function attempt(read, line) {
  try {
    return read();
  } catch {
    throw new Complaint(line);
  }
}

/** Yield number and value of each field, bytes as a view. @returns {Iterable<[number, any]>} */
export function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length) throw new RangeError('the message ends too early');
      const byte = bytes[at];
      at += 1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number has no end');
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    const number = Math.floor(tag / 8);
    if (number === 0 || ![0, 1, 2, 5].includes(kind)) throw new RangeError('this is no field');
    const size = { 1: 8, 2: kind === 2 ? varint() : 0, 5: 4 }[kind];
    if (size === undefined) {
      yield [number, varint()];
      continue;
    }
    if (at + size > bytes.length) throw new RangeError('a field is longer than the file');
    yield [number, bytes.subarray(at, at + size)];
    at += size;
  }
}

export const text = (bytes) => new TextDecoder().decode(bytes);

/** Return the metadata and the names of inputs and outputs of an ONNX file. */
export function readModel(bytes) {
  const metadata = new Map();
  let graph;
  for (const [number, value] of fields(bytes)) {
    if (number === MODEL.graph) graph = value;
    if (number !== MODEL.metadata) continue;
    const entry = new Map(fields(value));
    metadata.set(text(entry.get(ENTRY.key)), entry.get(ENTRY.value));
  }
  if (!(graph instanceof Uint8Array)) throw new RangeError('there is no graph');
  const parts = [...fields(graph)];
  const names = (kind) =>
    parts
      .filter(([number]) => number === kind)
      .map(([, value]) => text(new Map(fields(value)).get(NAME)));
  return { metadata, inputs: names(GRAPH.input), outputs: names(GRAPH.output), parts };
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isText = (value) => typeof value === 'string' && value !== '' && value.length <= LONGEST;
const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;
const isFlag = (value) => typeof value === 'boolean';
const areNumbers = (values, count) =>
  Array.isArray(values) && values.length === count && values.every(Number.isFinite);
const areAll = (values, fields) =>
  Array.isArray(values) && values.every((value) => misfits(value ?? {}, fields).length === 0);
const orNothing = (isUsable) => (value, all) => value === undefined || isUsable(value, all);

/** The names of the fields that a value does not have as they must be. */
const misfits = (value, fields) =>
  Object.keys(fields).filter((key) => !fields[key](value[key], value));

/** A copy of a value's known fields. */
const only = (value, fields) =>
  Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(fields, key)));

const STAGE = {
  name: isText,
  kind: isText,
  // Without the batch: maps alone, or maps of one side or two.
  output: (sides) =>
    Array.isArray(sides) &&
    [1, 2, 3].includes(sides.length) &&
    sides.every((side) => isCount(side) && side > 0),
  kernel: orNothing(isFlag),
};
const SAMPLE = {
  file: isText,
  probabilities: (values) => Array.isArray(values) && values.every(isShare),
};

/** What the page takes of the metadata, and nothing else, and how it must be. */
const FIELDS = {
  format: (value) => value === FORMAT,
  network: isText,
  title: isText,
  classes: (names) => Array.isArray(names) && names.length > 1 && names.every(isText),
  size: isCount,
  mean: (values) => areNumbers(values, 3) || areNumbers(values, 1),
  std: (values, { mean }) =>
    areNumbers(values, mean?.length === 1 ? 1 : 3) && values.every((value) => value > 0),
  stages: (stages) => areAll(stages, STAGE),
  class_activation: orNothing(isFlag),
  attention_rollout: orNothing(isFlag),
  parameters: isCount,
  macs: isCount,
  dataset: isText,
  recipe: orNothing((recipe) => recipe?.constructor === Object),
  test_accuracy: orNothing(isShare),
  samples: orNothing(
    (samples, { classes }) =>
      areAll(samples, SAMPLE) &&
      samples.every(({ probabilities }) => probabilities.length === classes?.length),
  ),
};

/** A stage's outputs: maps, and kernels where it is one convolution. @param {Stage} stage */
export const outputsOf = ({ name, kernel }) => (kernel ? [name, `${name}.kernel`] : [name]);

/** The output that tells where a network looks, if it has one. @param {Network} network */
export const looksOf = (network) =>
  ['class_activation', 'attention_rollout'].find((name) => network[name]);

/** All that a page may ask for; a stage may be the answer itself. @param {Network} network */
export const everyOutput = (network) => [
  ...new Set(['logits', ...network.stages.flatMap(outputsOf), looksOf(network) ?? 'logits']),
];

/** Refuse a network for other pictures than the page makes. */
export function checkSize(size) {
  if (size > 0 && size <= LARGEST) return;
  const [takes, makes] = [size, LARGEST].map((side) => `${side} × ${side}`);
  throw new Complaint(`it takes pictures of ${takes} pixels, and this page makes at most ${makes}`);
}

/**
 * Refuse a network with more of something than a page shows.
 *
 * @param {{classes: {length: number}, stages: Stage[]}} network
 */
export function checkCounts({ classes, stages }) {
  const counts = [
    ['classes', classes.length, MOST],
    ['stages', stages.length, MOST],
    ...stages.flatMap(({ name, output }) => [
      [`maps in ${name}`, output[0], MOST],
      [`numbers in ${name}`, output.reduce((product, side) => product * side), MOST_NUMBERS],
    ]),
  ];
  const [what, count, most] = counts.find(([, there, limit]) => there > limit) ?? [];
  if (what === undefined) return;
  const [told, limit] = [count, most].map((number) => number.toLocaleString('en-US'));
  throw new Complaint(`it has ${told} ${what}, and this page shows at most ${limit}`);
}

/**
 * Return what a network's file says of itself.
 *
 * @param {Uint8Array} bytes the file
 * @returns {Network} of the metadata `lecture`, what the page shows
 * @throws {Complaint} one line that says what is wrong or missing
 */
export function readNetwork(bytes) {
  const model = attempt(() => readModel(bytes), NO_FILE);
  const { metadata, inputs, outputs } = model;
  if (!metadata.has('lecture')) {
    const what = 'its classes, its normalisation and its stages';
    throw new Complaint(`this ONNX file does not say what ${what} are; ${EXPORT}`);
  }
  const parse = () => JSON.parse(text(metadata.get('lecture')));
  const told = attempt(parse, 'its metadata "lecture" is not JSON');
  if (told?.format !== FORMAT) {
    const format = JSON.stringify(told?.format)?.slice(0, LONGEST);
    const line = `its metadata has the format ${format}, and this page reads ${FORMAT}`;
    throw new Complaint(`${line}: export it anew`);
  }
  const missing = misfits(told, FIELDS);
  if (missing.length > 0) {
    throw new Complaint(`its metadata has no usable ${missing.join(', ')}; ${EXPORT}`);
  }
  // Somebody else's file says this, and the page keeps its own fields beside it: where a network
  // comes from, for instance, which would be fetched.
  const stages = told.stages.map((stage) => only(stage, STAGE));
  const network = /** @type {Network} */ ({ ...only(told, FIELDS), stages });
  checkSize(network.size);
  checkCounts(network);
  const absent = everyOutput(network).filter((name) => !outputs.includes(name));
  if (!inputs.includes('images')) absent.unshift('images');
  if (absent.length > 0) {
    throw new Complaint(`its graph has no ${absent.join(', ')}; ${EXPORT}`);
  }
  return network;
}
