// How many of the samples each network of a class's board gets right: those whose class it has.

import * as engine from './engine.js';
import { top } from './words.js';

/**
 * Return what asks a class's networks for all samples, one after the other, each of them once.
 *
 * @param {Pick<import('./widget.js').Live, 'state'|'update'>} live
 * @param {(sample: import('./samples.js').Sample) => Promise<Blob>} fetchSample
 * @param {import('./samples.js').Sample[]} samples
 * @returns {(isStale: () => boolean) => Promise<void>}
 */
export function scorer({ state, update }, fetchSample, samples) {
  const pictures = new Map(); // by file and side

  async function pixelsOf(sample, side) {
    const key = `${side} ${sample.file}`;
    if (!pictures.has(key)) {
      pictures.set(key, await engine.picture(await fetchSample(sample), side));
    }
    return pictures.get(key);
  }

  async function score({ source, classes, size }, isStale) {
    const known = samples.filter(({ name }) => classes.includes(name));
    let right = 0;
    for (const sample of known) {
      const { probabilities } = await engine.classify(source, await pixelsOf(sample, size));
      if (isStale()) return undefined;
      if (classes[top(probabilities)] === sample.name) right += 1;
    }
    return { key: source.key, right, count: known.length };
  }

  return async (isStale) => {
    for (const network of state.networks.filter(({ probabilities }) => probabilities)) {
      if (network.score?.key === network.source.key) continue;
      const scored = await score(network, isStale);
      if (isStale()) return;
      network.score = scored;
      update({ answered: network });
    }
  };
}
