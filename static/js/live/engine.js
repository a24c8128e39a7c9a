// The page's side of the worker: one for all live slides, started with the first request.

// ms without an answer, after which the worker is ended; a download may take its time.
const PATIENCE = { download: 90_000, other: 20_000 };

let worker;
let watchdog;
let last = 0;
const waiting = new Map();
const ready = new Map(); // networks, by key: the promise of their metadata

function watch() {
  clearTimeout(watchdog);
  if (waiting.size === 0) return;
  const downloads = [...waiting.values()].some(({ url }) => url !== undefined);
  const patience = downloads ? PATIENCE.download : PATIENCE.other;
  watchdog = setTimeout(() => restart('it took too long, and was stopped'), patience);
}

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
}

function ask(job, details = {}, transfer = []) {
  if (!worker) start();
  last += 1;
  const id = last;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, url: details.url });
    worker.postMessage({ id, job, ...details }, transfer);
    watch();
  });
}

/**
 * Make a network ready, once; resolves to its metadata.
 *
 * @param {{key: string, url?: string, bytes?: Uint8Array}} source where it comes from
 */
export function load(source) {
  if (!ready.has(source.key)) {
    const loaded = ask('load', source);
    ready.set(source.key, loaded);
    loaded.catch(() => ready.delete(source.key));
  }
  return ready.get(source.key);
}

/** Forget a network that will not be shown again. */
export function release({ key }) {
  if (ready.delete(key)) ask('release', { key }).catch(() => {});
}

/** The 32 x 32 pixels of a file. */
export const picture = (blob) => ask('picture', { blob });

/** The 32 x 32 pixels of a bitmap, which is taken. */
export const frame = (bitmap) => ask('picture', { bitmap }, [bitmap]);

/** What a network takes pixels for: `{ probabilities, milliseconds }`. */
export async function classify(source, pixels) {
  await load(source);
  return ask('classify', { key: source.key, pixels });
}

/** Outputs of a network by name, as `{ dims, data }`. */
export async function look(source, pixels, names) {
  await load(source);
  return ask('look', { key: source.key, pixels, names });
}
