// Runs networks beside the page, so that the deck never waits for one.
//
// Each message is answered by one with the same `id`: `{ id, result }` or `{ id, error }`. They are
// dealt with in turn.

import { Complaint, everyOutput, readNetwork } from './onnx.js';
import { checkNumbers, checkShape, normalise, probabilitiesOf, softmax } from './outputs.js';
import { seen } from './picture.js';
import { download, loadRuntime, told } from './runtime.js';

const MAX_FILE = 100e6; // bytes; the largest network of the lecture has two million

const networks = new Map();

/** Run a network for the outputs named; returns them by name, as `{ dims, data }`. */
async function fetchOutputs({ session, network }, pixels, names) {
  const { Tensor } = await loadRuntime();
  const { mean, size, plain } = network;
  const input = new Tensor('float32', normalise(network, pixels), [1, mean.length, size, size]);
  const outputs = plain
    ? { logits: (await session.run({ [plain.input]: input }, [plain.output]))[plain.output] }
    : await session.run({ images: input }, names);
  const copies = Object.entries(outputs).map(([name, tensor]) => {
    checkShape(network, name, tensor);
    const copy = { dims: [...tensor.dims], data: Float32Array.from(tensor.data) };
    tensor.dispose();
    return [name, copy];
  });
  input.dispose();
  return Object.fromEntries(copies);
}

const JOBS = {
  /**
   * Make a network ready: from `url`, or from the `bytes` of somebody's own file, which may have to
   * be `told` what it is.
   */
  async load({ key, url, bytes, told }) {
    if (networks.has(key)) return networks.get(key).network;
    const file = bytes ?? (await download(url));
    if (file.length > MAX_FILE) throw new Complaint('it is larger than 100 MB');
    const network = told ?? readNetwork(file);
    const ort = await loadRuntime();
    const session = await ort.InferenceSession.create(file, { executionProviders: ['wasm'] });
    const loaded = { session, network };
    try {
      // The first runs take longer than all others, and show whether there will be any.
      const blank = new Uint8ClampedArray(network.size ** 2 * 3);
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
  async picture({ blob, bitmap, side }) {
    let decoded = bitmap;
    try {
      decoded ??= await createImageBitmap(blob, { colorSpaceConversion: 'none' });
    } catch {
      throw new Complaint('this browser cannot read it as a picture');
    }
    try {
      return seen(decoded, side);
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
    const probabilities = (loaded.network.plain ? probabilitiesOf : softmax)(logits.data);
    return { probabilities, milliseconds: performance.now() - start };
  },

  /** Other outputs: the maps of a stage, its kernel, where the network looks. */
  async look({ key, pixels, names }) {
    const outputs = await fetchOutputs(networks.get(key), pixels, names);
    checkNumbers(outputs);
    return outputs;
  },
};

let turn = Promise.resolve();

/** @param {import('./engine.js').Request} request */
async function answer({ id, job, ...details }) {
  try {
    postMessage({ id, result: await JOBS[job](details) });
  } catch (error) {
    // Out of memory, for instance: nothing that follows could be trusted.
    const broken = error instanceof WebAssembly.RuntimeError;
    postMessage({ id, broken, error: told(error) });
  }
}

addEventListener('message', ({ data }) => {
  turn = turn.then(() => answer(data));
});
