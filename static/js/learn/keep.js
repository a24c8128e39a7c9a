// A network that was trained in the page, as an ONNX file that a live slide reads.

import { fields } from '../live/onnx.js';

// Fields of onnx.proto: of a model, its graph, a tensor and an entry of the metadata.
const GRAPH = 7;
const METADATA = 14;
const INITIALIZER = 5;
const INPUT = 11;
const NAME = 1; // of an input
const FLOAT = 1;

const encoder = new TextEncoder();

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function join(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A field of a message: a number, a text or bytes. */
export function field(number, value) {
  if (typeof value === 'number') return join([varint(8 * number), varint(value)]);
  const bytes = typeof value === 'string' ? encoder.encode(value) : value;
  return join([varint(8 * number + 2), varint(bytes.length), bytes]);
}

const tensor = (name, { dims, data }) =>
  join([
    ...dims.map((side) => field(1, side)),
    field(2, FLOAT),
    field(8, name),
    field(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);

/**
 * Put weights and metadata into a network whose weights are inputs.
 *
 * @param {Uint8Array} network the ONNX file
 * @param {Map<string, {dims: number[], data: Float32Array}>} weights by the names of the inputs
 * @param {object} about what the page must know, under the key `lecture`
 * @returns {Uint8Array} the file
 */
export function keep(network, weights, about) {
  const graph = (bytes) => {
    const kept = [...fields(bytes)].filter(([number, value]) => {
      if (number !== INPUT) return true;
      return !weights.has(new TextDecoder().decode(new Map(fields(value)).get(NAME)));
    });
    const own = [...weights].map(([name, value]) => field(INITIALIZER, tensor(name, value)));
    return join([...kept.map(([number, value]) => field(number, value)), ...own]);
  };
  const parts = [...fields(network)].map(([number, value]) =>
    field(number, number === GRAPH ? graph(value) : value),
  );
  const entry = join([field(1, 'lecture'), field(2, JSON.stringify(about))]);
  return join([...parts, field(METADATA, entry)]);
}

/**
 * The weights for as many classes as there are: the last layer may have been made for more.
 *
 * @param {number} classes
 * @param {import('./training.js').About} about
 * @param {Map<string, any>} values
 */
export function only(classes, { parameters, statistics }, values) {
  const last = parameters[parameters.length - 1].name.split('.')[0];
  return new Map(
    [...parameters, ...statistics].map(({ name, shape: [count, ...sides] }) => {
      const { data } = values.get(name);
      const kept = name.startsWith(`${last}.`) ? classes : count;
      const dims = [kept, ...sides];
      return [name, { dims, data: data.slice(0, (kept * data.length) / count) }];
    }),
  );
}
