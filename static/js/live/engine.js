// The page's side of the worker: one for all live slides, started with the first request.

import { SIDE } from './picture.js';

// ms without an answer, after which the worker is ended; a download may take its time.
const PATIENCE = { download: 90_000, other: 20_000 };

/**
 * @typedef {{key: string, url?: string, bytes?: Uint8Array, told?: object}} Source where a network comes from
 * @typedef {{probabilities: number[], milliseconds: number}} Answer of a network to a picture
 * @typedef {{dims: readonly number[], data: Float32Array}} Output of a network
 * @typedef {{blob?: Blob, bitmap?: ImageBitmap, pixels?: Uint8ClampedArray, names?: string[],
 *   side?: number}} Given
 * @typedef {{id: number, job: string} & Partial<Source> & Given} Request to the worker
 * @typedef {{id: number, result?: any, error?: string, broken?: boolean}} Reply of the worker
 */

/** @type {Worker|undefined} */
let worker;
let watchdog;
let last = 0;
const waiting = new Map();
/** @type {Map<string, Promise<import('./onnx.js').Network>>} */
const ready = new Map(); // networks, by key

function watch() {
  clearTimeout(watchdog);
  if (waiting.size === 0) return;
  const downloads = [...waiting.values()].some(({ url }) => url !== undefined);
  const patience = downloads ? PATIENCE.download : PATIENCE.other;
  watchdog = setTimeout(() => restart('it took too long, and was stopped'), patience);
}

/** @param {Reply} reply */
function settle({ id, result, error }) {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  watch();
  if (error === undefined) resolve(result);
  else reject(new Error(error));
}

/** End the worker; whoever waits is told why, and the next request starts another. */
function restart(error) {
  worker?.terminate();
  worker = undefined;
  ready.clear();
  for (const id of [...waiting.keys()]) settle({ id, error });
}

function start() {
  worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }) => {
    settle(data);
    if (data.broken) restart(data.error);
  });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    restart('the networks cannot be run in this browser');
  });
  return worker;
}

/**
 * Ask the worker to do a job.
 *
 * @type {(job: string, given: Partial<Source> & Given, transfer?: Transferable[]) => Promise<any>}
 */
const ask = (job, given, transfer = []) =>
  new Promise((resolve, reject) => {
    worker ??= start();
    last += 1;
    waiting.set(last, { resolve, reject, url: given.url });
    worker.postMessage({ id: last, job, ...given }, transfer);
    watch();
  });

/** Make a network ready, once; resolves to its metadata. @param {Source} source */
export function load(source) {
  const known = ready.get(source.key);
  if (known) return known;
  const loaded = ask('load', source);
  ready.set(source.key, loaded);
  loaded.catch(() => ready.delete(source.key));
  return loaded;
}

/** Forget a network that will not be shown again. */
export function release({ key }) {
  if (ready.delete(key)) ask('release', { key }).catch(() => {});
}

/** The pixels of a file, a square of so many. */
export const picture = (blob, side = SIDE) => ask('picture', { blob, side });

/** The pixels of a bitmap, which is taken. */
export const frame = (bitmap, side) => ask('picture', { bitmap, side }, [bitmap]);

/** What a network takes pixels for. @returns {Promise<Answer>} */
export async function classify(source, pixels) {
  await load(source);
  return ask('classify', { key: source.key, pixels });
}

/** Outputs of a network, by name. @returns {Promise<Record<string, Output>>} */
export async function look(source, pixels, names) {
  await load(source);
  return ask('look', { key: source.key, pixels, names });
}
