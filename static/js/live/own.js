// A network of one's own: an .onnx file, beside the lecture's networks or in place of the one.

import { classify, load, release } from './engine.js';

const MAX_FILE = 100e6; // bytes

let last = 0; // of those that were given to the page

/** Return what shows such a network, and takes it away. @param {import('./widget.js').Live} live */
export function ownNetwork({ state, update, refresh, offer }) {
  const lectures = state.networks;

  function put(...own) {
    for (const { source, isOwn } of state.networks) if (isOwn) release(source);
    const beside = own.length > 0 && lectures.length === 1 ? [] : lectures;
    update({ networks: [...beside, ...own], within: undefined, trouble: undefined });
    offer();
    refresh();
  }

  return {
    back: () => put(),

    async take(file) {
      last += 1;
      const turn = last;
      update({ isBusy: true });
      /** @type {import('./engine.js').Source} */
      const source = { key: `own ${turn}` };
      try {
        if (file.size > MAX_FILE) throw new Error('it is larger than 100 MB');
        source.bytes = new Uint8Array(await file.arrayBuffer());
        const about = await load(source);
        if (state.pixels) await classify(source, state.pixels); // else it takes no other's place
        const title = `${about.title} (yours)`;
        if (turn === last) put({ ...about, title, source, isOwn: true });
        else release(source);
      } catch ({ message }) {
        release(source);
        if (turn === last) update({ isBusy: false, trouble: `${file.name}: ${message}` });
      }
    },
  };
}
