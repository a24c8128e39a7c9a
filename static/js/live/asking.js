// Asks the networks about the picture, again whenever something has changed.

import { isBoard } from './answers.js';
import * as engine from './engine.js';
import { looksOf } from './onnx.js';
import { spoil } from './wrong.js';

/**
 * @param {Pick<import('./widget.js').Live, 'state'|'update'>} live
 * @param {() => void} onAnswered once everything is told that was asked for
 * @param {(isStale: () => boolean) => Promise<void>} score asks for all samples: scoring.js
 */
export function asker({ state, update }, onAnswered, score) {
  let wanted = 0;
  let isAsking = false;

  /** Ask one network. What it says is dropped when something else is asked for by then. */
  async function ask(network, isStale) {
    const { source, title } = network;
    try {
      const about = await engine.load(source);
      const answer = await engine.classify(source, state.pixels);
      if (isStale()) return;
      Object.assign(network, about, answer, { title, trouble: undefined });
    } catch ({ message }) {
      if (isStale()) return;
      Object.assign(network, { probabilities: undefined, trouble: message });
      if (state.networks.length === 1) update({ trouble: message });
    }
    update({ answered: network });
  }

  async function lookInside(isStale) {
    const [network] = state.networks;
    if (state.panel !== 'inside' || !network.probabilities || !network.stages.length) {
      update({ within: undefined });
      return;
    }
    const number = Math.min(state.stage, network.stages.length - 1);
    const stage = network.stages[number];
    const kernel = `${stage.name}.kernel`;
    const names = [stage.name, ...(stage.kernel ? [kernel] : [])];
    const looks = state.looks && looksOf(network);
    if (looks) names.push(looks);
    const outputs = await engine.look(network.source, state.pixels, names);
    if (isStale()) return;
    const { [stage.name]: output, [kernel]: kernels } = outputs;
    const activation = looks ? outputs[looks] : undefined;
    update({ within: { stage, number, output, kernels, activation } });
  }

  async function askAll(isStale) {
    for (const network of state.networks) if (!isStale()) await ask(network, isStale);
    if (!isStale()) await lookInside(isStale);
    if (!isStale()) onAnswered();
    if (isStale() || !isBoard(state.networks)) return;
    await score(isStale);
    if (!isStale()) onAnswered();
  }

  return {
    /** Bring everything up to date. Of many calls in a row the first and the last count. */
    async refresh() {
      if (!state.original) return;
      update({ pixels: spoil(state.original, state.settings) });
      wanted += 1;
      if (isAsking) return;
      isAsking = true;
      update({ isBusy: true });
      try {
        for (let asked; asked !== wanted && state.isEntered;) {
          asked = wanted;
          const turn = asked;
          await askAll(() => turn !== wanted || !state.isEntered);
        }
      } catch ({ message }) {
        update({ trouble: message });
      } finally {
        isAsking = false;
        update({ isBusy: false });
      }
    },

    /** Offer the stages of the network that is shown, where it is one. */
    async offer() {
      const [network, ...others] = state.networks;
      if (others.length > 0) return;
      try {
        const about = await engine.load(network.source);
        if (state.networks[0] !== network) return;
        Object.assign(network, about, { title: network.title });
        update({ stage: 0, offered: network });
      } catch {
        // The question that follows meets the same trouble, and tells it.
      }
    },
  };
}
