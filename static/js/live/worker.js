// Runs networks beside the page, so that the deck never waits for one.
//
// Each message is answered by one with the same `id`: `{ id, result }` or `{ id, error }`. They are
// dealt with in turn. onnxruntime is asked for with the first network, and only its two files for
// WebAssembly: one thread, because more would need headers that not every web server sends.

import { everyOutput, MOST, outputsOf, readNetwork } from './onnx.js';
import { seen, SIDE } from './picture.js';

const RUNTIME = new URL('../../../ort/', import.meta.url);
const MAX_FILE = 100e6; // bytes; the largest network of the lecture has two million

/** A mistake that its message tells as it is. */
class Complaint extends Error {}

const networks = new Map();
let runtime;

async function download(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    const name = new URL(url).pathname.split('/').pop();
    throw new Complaint(`${name} cannot be loaded (${answer.status})`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

async function startRuntime() {
  const [ort, wasmBinary] = await Promise.all([
    import(new URL('ort.wasm.bundle.min.js', RUNTIME)),
    // onnxruntime would ask for it itself, and complain where a server does not know its type.
    download(new URL('ort-wasm-simd-threaded.wasm', RUNTIME)),
  ]);
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary });
  ort.env.logLevel = 'error';
  return ort;
}

async function loadRuntime() {
  runtime ??= startRuntime().catch((error) => {
    runtime = undefined; // what was lost on the way is asked for again
    throw error;
  });
  return runtime;
}

/** Normalise pixels into the input of a network: a batch of one, channel after channel. */
function toInput(ort, { mean, std }, pixels) {
  const plane = SIDE * SIDE;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c += 1) {
    for (let n = 0; n < plane; n += 1) {
      values[c * plane + n] = (pixels[3 * n + c] / 255 - mean[c]) / std[c];
    }
  }
  return new ort.Tensor('float32', values, [1, 3, SIDE, SIDE]);
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
function checkOutput(network, name, { dims, type }) {
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

/** Run a network for the outputs named; returns them by name, as `{ dims, data }`. */
async function fetchOutputs({ session, network }, pixels, names) {
  const input = toInput(await loadRuntime(), network, pixels);
  const outputs = await session.run({ images: input }, names);
  const copies = Object.entries(outputs).map(([name, tensor]) => {
    checkOutput(network, name, tensor);
    const copy = { dims: [...tensor.dims], data: Float32Array.from(tensor.data) };
    tensor.dispose();
    return [name, copy];
  });
  input.dispose();
  return Object.fromEntries(copies);
}

/** Throw a Complaint where an answer holds what is no number: no bar and no map shows it. */
function checkNumbers(outputs) {
  const wrong = Object.keys(outputs).find((name) => !outputs[name].data.every(Number.isFinite));
  if (wrong) throw new Complaint(`its output ${wrong} holds something that is not a number`);
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

const JOBS = {
  /** Make a network ready: from `url`, or from the `bytes` of somebody's own file. */
  async load({ key, url, bytes }) {
    if (networks.has(key)) return networks.get(key).network;
    const file = bytes ?? (await download(url));
    if (file.length > MAX_FILE) throw new Complaint('it is larger than 100 MB');
    const network = readNetwork(file);
    const ort = await loadRuntime();
    const session = await ort.InferenceSession.create(file, { executionProviders: ['wasm'] });
    const loaded = { session, network };
    try {
      // The first runs take longer than all others, and show whether there will be any.
      const blank = new Uint8ClampedArray(SIDE * SIDE * 3);
      await fetchOutputs(loaded, blank, ['logits']);
      await fetchOutputs(loaded, blank, bytes ? everyOutput(network) : ['logits']);
    } catch (error) {
      await session.release();
      throw error;
    }
    networks.set(key, loaded);
    return network;
  },

  async release({ key }) {
    await networks.get(key)?.session.release();
    networks.delete(key);
  },

  /** Turn a file or a frame of the webcam into what the networks see. */
  async picture({ blob, bitmap }) {
    let decoded = bitmap;
    try {
      decoded ??= await createImageBitmap(blob, { colorSpaceConversion: 'none' });
    } catch {
      throw new Complaint('this browser cannot read it as a picture');
    }
    try {
      return seen(decoded);
    } catch {
      throw new Complaint('this picture is too large for this browser');
    } finally {
      decoded.close();
    }
  },

  /** What a network takes the pixels for, and the milliseconds that it took to tell. */
  async classify({ key, pixels }) {
    const loaded = networks.get(key);
    const start = performance.now();
    const outputs = await fetchOutputs(loaded, pixels, ['logits']);
    checkNumbers(outputs);
    const { logits } = outputs;
    return { probabilities: softmax(logits.data), milliseconds: performance.now() - start };
  },

  /** Other outputs: the maps of a stage, its kernel, where the network looks. */
  async look({ key, pixels, names }) {
    const outputs = await fetchOutputs(networks.get(key), pixels, names);
    checkNumbers(outputs);
    return outputs;
  },
};

let turn = Promise.resolve();

async function answer({ id, job, ...details }) {
  try {
    postMessage({ id, result: await JOBS[job](details) });
  } catch (error) {
    const { message, name } = error;
    const known = error instanceof Complaint || name === 'UnreadableNetwork';
    // onnxruntime begins with a code of its own and goes on for lines.
    const line = String(message ?? error).split('\n')[0];
    // Out of memory, for instance: nothing that follows could be trusted.
    const broken = error instanceof WebAssembly.RuntimeError;
    postMessage({ id, broken, error: known ? line : `onnxruntime cannot run it: ${line}` });
  }
}

addEventListener('message', ({ data }) => {
  turn = turn.then(() => answer(data));
});
