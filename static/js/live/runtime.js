// onnxruntime for a worker, loaded with the first network: two files, for WebAssembly on one thread,
// as more threads need headers that not every web server sends.

import { Complaint } from './onnx.js';

const HOME = new URL('../../../ort/', import.meta.url);

let runtime;

/** The bytes of a file; a Complaint tells which one cannot be loaded. @param {string|URL} url */
export async function download(url) {
  const answer = await fetch(url).catch(() => undefined);
  if (!answer?.ok) {
    const name = new URL(url).pathname.split('/').pop();
    throw new Complaint(`${name} cannot be loaded (${answer?.status ?? 'no answer'})`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

async function start() {
  const [ort, wasmBinary] = await Promise.all([
    import(new URL('ort.wasm.bundle.min.js', HOME).href),
    // onnxruntime would ask for it itself, and complain where a server does not know its type.
    download(new URL('ort-wasm-simd-threaded.wasm', HOME)),
  ]);
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary });
  ort.env.logLevel = 'error';
  return ort;
}

/** onnxruntime, started once. */
export async function loadRuntime() {
  runtime ??= start().catch((error) => {
    runtime = undefined; // what was lost on the way is asked for again
    throw error;
  });
  return runtime;
}

/** What an error means, in a line. onnxruntime begins with a code of its own and goes on for lines. */
export function told(error) {
  const line = String(error.message ?? error).split('\n')[0];
  return error instanceof Complaint ? line : `onnxruntime cannot run it: ${line}`;
}
