// The page's side of the worker that trains.

const BROKEN = 'no network can be trained in this browser';

/**
 * Return what asks the worker, which is started with the first question.
 *
 * @param {(told: any) => void} onTold how a training goes
 */
export function learner(onTold) {
  /** @type {Worker|undefined} */
  let worker;
  let last = 0;
  const waiting = new Map();

  /** @param {{id: number, result?: any, error?: string}} reply */
  function settle({ id, result, error }) {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  function start() {
    worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }) => {
      if (data.told) onTold(data.told);
      else settle(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      for (const id of [...waiting.keys()]) settle({ id, error: BROKEN });
    });
    return worker;
  }

  /** @type {(job: string, given?: object) => Promise<any>} */
  return (job, given = {}) =>
    new Promise((resolve, reject) => {
      worker ??= start();
      last += 1;
      waiting.set(last, { resolve, reject });
      worker.postMessage({ id: last, job, ...given });
    });
}
