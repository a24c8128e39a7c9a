// Networks of one's own: .onnx files, beside the lecture's networks or in place of the one.

import { classify, load, release } from './engine.js';
import { checkSize } from './onnx.js';
import { readPlain } from './plain.js';
import { guess, recall, remember } from './telling.js';

const MAX_FILE = 100e6; // bytes

let last = 0; // of those that were given to the page

/** Throw an Error where what was told of a network cannot be. */
function checkTold({ mean, std, classes, size, plain: { channels } }) {
  checkSize(size);
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length === channels && values.every(Number.isFinite)) continue;
    throw new Error(`${name} needs ${channels} ${channels > 1 ? 'numbers' : 'number'}, as in 0.5`);
  }
  if (std.some((value) => value <= 0)) throw new Error('std must be above 0');
  if (classes.some((name) => name === '')) throw new Error('a class has no name');
}

/** Return what shows such networks, and takes them away. @param {import('./widget.js').Live} live */
export function ownNetwork({ state, update, refresh, offer, resize }) {
  const lectures = state.networks;
  // Not those of a network that was dropped before: they are of another file.
  const classes = () => lectures.find(({ classes: known }) => known)?.classes ?? [];

  function put(...own) {
    for (const { source, isOwn } of state.networks) if (isOwn) release(source);
    const beside = own.length > 0 && lectures.length === 1 ? [] : lectures;
    const plain = own.filter((network) => network.plain);
    const unknown = plain.find(({ file }) => !recall(file));
    const asks = unknown ?? plain[0];
    const panel = unknown ? 'network' : 'pictures';
    // A class's networks come first: there may be many.
    const networks = own.length > 1 ? [...own, ...beside] : [...beside, ...own];
    update({ networks, within: undefined, trouble: undefined, asks, panel });
    resize();
    offer();
    refresh();
  }

  /** Read a file, and see whether the network in it answers. One of many goes by the file's name. */
  async function open(file, isOneOfMany) {
    last += 1;
    /** @type {import('./engine.js').Source} */
    const source = { key: `own ${last}` };
    try {
      if (file.size > MAX_FILE) throw new Error('it is larger than 100 MB');
      source.bytes = new Uint8Array(await file.arrayBuffer());
      const plain = readPlain(source.bytes);
      const title = file.name.replace(/\.onnx$/i, '');
      if (plain) {
        const told = recall(file) ?? guess(plain, classes());
        source.told = { network: 'own', title, stages: [], dataset: '', ...told, plain };
      }
      const about = await load(source);
      if (state.pixels) await classify(source, state.pixels); // else it takes no other's place
      const name = isOneOfMany ? title : `${about.title} (yours)`;
      return { ...about, title: name, source, isOwn: true, file };
    } catch ({ message }) {
      release(source);
      throw new Error(`${file.name}: ${message}`);
    }
  }

  let turn = 0;

  return {
    back: () => put(),

    /** Show the networks of some files. Those that cannot run are told, and the others stay. */
    async take(files) {
      turn += 1;
      const mine = turn;
      update({ isBusy: true });
      const opened = /** @type {any[]} */ ([]);
      const troubles = /** @type {string[]} */ ([]);
      for (const file of files) {
        try {
          opened.push(await open(file, files.length > 1));
        } catch ({ message }) {
          troubles.push(message);
        }
      }
      if (turn !== mine) return opened.forEach(({ source }) => release(source));
      if (opened.length > 0) put(...opened);
      if (troubles.length > 0) update({ isBusy: false, trouble: troubles.join('; ') });
    },

    /** Take what is told of the network that asks, and remember it. */
    tell(changes) {
      const network = /** @type {any} */ (state.asks);
      const { source, file, plain } = network;
      const told = { ...source.told, ...changes };
      try {
        checkTold({ ...told, plain });
      } catch ({ message }) {
        return update({ trouble: message, asks: network });
      }
      release(source);
      last += 1;
      Object.assign(network, told, {
        title: network.title,
        probabilities: undefined,
        score: undefined,
      });
      network.source = { ...source, key: `own ${last}`, told };
      remember(file, told);
      update({ asks: network, trouble: undefined });
      resize();
      refresh();
    },
  };
}
