// Reads what an ONNX file says of itself, without running it: in the page, and when a deck is built.
//
// A file of this lecture (`python code/resnet.py --export`) carries all that a page must know under
// the metadata key `lecture`. ONNX is a protobuf; of its fields four are read here, and the rest,
// the weights above all, is skipped. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { input: 11, output: 12 };
const ENTRY = { key: 1, value: 2 };
const NAME = 1; // of an input or output
const FORMAT = 1;
const SIDE = 32; // pixels: what the page makes of every picture

const EXPORT = 'python code/NAME.py --export writes one that has it';

/** What is wrong with a file, in a line for its owner. */
export class UnreadableNetwork extends Error {
  name = 'UnreadableNetwork';
}

/** Yield `[number, value]` of each field of a message; a value of bytes is a view of them. */
function* fields(bytes) {
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

const text = (bytes) => new TextDecoder().decode(bytes);

/** Return the metadata and the names of inputs and outputs of an ONNX file. */
function readModel(bytes) {
  const metadata = new Map();
  let graph;
  for (const [number, value] of fields(bytes)) {
    if (number === MODEL.graph) graph = value;
    if (number !== MODEL.metadata) continue;
    const entry = new Map(fields(value));
    metadata.set(text(entry.get(ENTRY.key)), entry.get(ENTRY.value));
  }
  if (!(graph instanceof Uint8Array)) throw new RangeError('there is no graph');
  const names = { [GRAPH.input]: [], [GRAPH.output]: [] };
  for (const [number, value] of fields(graph)) {
    if (number in names) names[number].push(text(new Map(fields(value)).get(NAME)));
  }
  return { metadata, inputs: names[GRAPH.input], outputs: names[GRAPH.output] };
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isText = (value) => typeof value === 'string' && value !== '';
const areNumbers = (values, count) =>
  Array.isArray(values) && values.length === count && values.every(Number.isFinite);
const isStage = ({ name, kind, output } = {}) =>
  isText(name) && isText(kind) && Array.isArray(output) && output.every(isCount);

/** What the metadata must hold, and how that is told. */
const NEEDED = {
  network: isText,
  title: isText,
  classes: (names) => Array.isArray(names) && names.length > 1 && names.every(isText),
  size: isCount,
  mean: (values) => areNumbers(values, 3),
  std: (values) => areNumbers(values, 3) && values.every((value) => value > 0),
  stages: (stages) => Array.isArray(stages) && stages.every(isStage),
  parameters: isCount,
  macs: isCount,
  dataset: isText,
};

/**
 * Return what a network's file says of itself.
 *
 * @param {Uint8Array} bytes the file
 * @returns {object} the metadata `lecture`: `title`, `classes`, `mean`, `std`, `stages`, …
 * @throws {UnreadableNetwork} one line that says what is wrong or missing
 */
export function readNetwork(bytes) {
  let model;
  try {
    model = readModel(bytes);
  } catch {
    throw new UnreadableNetwork('this is no ONNX file, or a part of one');
  }
  const { metadata, inputs, outputs } = model;
  if (!metadata.has('lecture')) {
    throw new UnreadableNetwork(
      `this ONNX file does not say what its classes, its normalisation and its stages are; ${EXPORT}`,
    );
  }
  let network;
  try {
    network = JSON.parse(text(metadata.get('lecture')));
  } catch {
    throw new UnreadableNetwork('its metadata "lecture" is not JSON');
  }
  if (network?.format !== FORMAT) {
    throw new UnreadableNetwork(
      `its metadata has the format ${network?.format}, and this page reads ${FORMAT}: export it anew`,
    );
  }
  const missing = Object.keys(NEEDED).filter((key) => !NEEDED[key](network[key]));
  if (missing.length > 0) {
    throw new UnreadableNetwork(`its metadata has no usable ${missing.join(', ')}; ${EXPORT}`);
  }
  if (network.size !== SIDE) {
    throw new UnreadableNetwork(
      `it takes pictures of ${network.size} × ${network.size} pixels, and this page makes ${SIDE} × ${SIDE}`,
    );
  }
  const needed = ['logits', ...network.stages.map(({ name }) => name)];
  const absent = needed.filter((name) => !outputs.includes(name));
  if (!inputs.includes('images')) absent.unshift('images');
  if (absent.length > 0) {
    throw new UnreadableNetwork(`its graph has no ${absent.join(', ')}; ${EXPORT}`);
  }
  return network;
}
