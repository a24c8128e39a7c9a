// A live slide: one picture, and what one network or several make of it. Whoever does something
// changes the state, and the view shows what has changed of it.

import { asker } from './asking.js';
import { webcam } from './camera.js';
import * as engine from './engine.js';
import { follow, share } from './mirror.js';
import { ownNetwork } from './own.js';
import { SIDE } from './picture.js';
import { scorer } from './scoring.js';
import { createView } from './view.js';
import { UNTOUCHED } from './wrong.js';

const QUIET = 700; // ms without a change after which the answer is said aloud

/**
 * @typedef {{source: import('./engine.js').Source, isOwn?: boolean, trouble?: string, file?: File,
 *   plain?: import('./plain.js').Plain, score?: {key: string, right: number, count: number}}} Place
 * @typedef {import('./onnx.js').Network & Partial<import('./engine.js').Answer> & Place} Shown
 *   a network that is shown; of the lecture's, the page knows a few fields before it is loaded
 */

/**
 * @typedef {object} State of a live slide
 * @property {Shown[]} networks that are shown
 * @property {Shown} [answered] which of them answered last
 * @property {Shown} [offered] whose stages can be chosen
 * @property {Shown} [asks] whose file does not say all
 * @property {Uint8ClampedArray} [original] the pixels as they came
 * @property {Uint8ClampedArray} [pixels] and what became of them
 * @property {string} [what] the picture is
 * @property {import('./samples.js').Sample} [sample] which it is, where it is one
 * @property {import('./wrong.js').Settings} settings what is wrong on purpose
 * @property {number} group of samples that is open
 * @property {string} panel which is shown
 * @property {number} stage which was chosen
 * @property {number} side of the pixels
 * @property {boolean} looks whether to show where the network looks
 * @property {import('./stages.js').Within} [within] what is shown of the network's inside
 * @property {string} [trouble] a line about what did not work
 * @property {boolean} [isBusy]
 * @property {boolean} [isEntered] whether the slide is shown
 * @property {boolean} [isFilming]
 */

/**
 * @typedef {{state: State, update: (changes: Partial<State>) => void, refresh: () => void,
 *   offer: () => void, resize: () => void,
 *   show: (pixels: Uint8ClampedArray, what: string, sample?: State['sample']) => void}} Live
 */

/** What a page in which a picture is dropped or pasted does, while a live slide is shown. */
const given = (root, take, update) => ({
  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0 || event.target.closest?.('input, textarea')) return;
    event.preventDefault();
    take(files);
  },
  dragover(event) {
    event.preventDefault(); // else the browser leaves the deck for the file
    root.classList.add('live-over');
  },
  dragleave(event) {
    if (!event.relatedTarget) root.classList.remove('live-over');
  },
  drop(event) {
    event.preventDefault();
    root.classList.remove('live-over');
    const files = [...event.dataTransfer.files];
    if (files.length > 0) take(files);
    else update({ trouble: 'Drop a picture or an .onnx file from a folder of yours' });
  },
});

async function fetchSample({ url }) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`it cannot be loaded (${answer.status})`);
  return answer.blob();
}

/**
 * Bring a live slide to life.
 *
 * @param {HTMLElement} root `.live`, with the still inside of it, its networks and samples in data
 * @param {object} options
 * @param {string} options.name of the widget among those of the page
 * @param {boolean} options.mirrors whether it only shows what the audience's page does
 * @returns {{enter: () => void, leave: () => void}} to be called when it is shown and left
 */
export function bringToLife(root, { name, mirrors }) {
  // The worker, which loads them, would look beside itself.
  const absolute = ({ url, ...more }) => ({ url: new URL(url, document.baseURI).href, ...more });
  const read = (json) => JSON.parse(json).map(absolute);
  const samples = read(root.dataset.samples);
  const networks = read(root.dataset.networks).map(({ url, ...network }) => {
    return { ...network, source: { key: url, url } };
  });
  /** @type {State} */
  const state = {
    networks,
    settings: UNTOUCHED,
    group: 0,
    panel: 'pictures',
    stage: 0,
    looks: false,
    side: SIDE,
    asks: undefined,
  };
  let pictures = 0; // that were asked for
  let again = () => {};
  let quiet;

  function update(changes) {
    Object.assign(state, changes);
    view.show(changes);
  }

  /** Change something about the picture or the panel, and ask anew. */
  function change(changes) {
    update(changes);
    refresh();
  }

  const tellSpeaker = () => share(name, state, view.map());
  const onAnswered = () => {
    tellSpeaker();
    clearTimeout(quiet);
    quiet = setTimeout(view.say, QUIET);
  };
  const score = scorer({ state, update }, fetchSample, samples);
  const { refresh, offer } = asker({ state, update }, onAnswered, score);

  /**
   * Show other pixels; what was said of another picture is no answer to them.
   *
   * @type {Live['show']}
   */
  const show = (original, what, sample) => {
    if (what !== state.what) for (const network of state.networks) delete network.probabilities;
    change({ trouble: undefined, original, what, sample });
  };
  /** Make the picture as large as the networks want it. */
  function resize() {
    const sides = state.networks.map(({ size }) => size ?? SIDE);
    const side = Math.max(...sides);
    if (side === state.side) return;
    update({ side });
    if (!state.isFilming) again();
  }
  const live = { state, update, show, refresh, offer, resize };
  const camera = webcam(live);
  const own = ownNetwork(live);

  /** Show a picture from a file; if another is asked for meanwhile, that one. */
  async function showBlob(getBlob, what, called, sample = undefined) {
    camera.end();
    pictures += 1;
    const turn = pictures;
    update({ isBusy: true });
    try {
      const blob = await getBlob();
      const pixels = await engine.picture(blob, state.side);
      if (turn !== pictures) return;
      show(pixels, what, sample);
      again = () => showBlob(() => blob, what, called, sample);
    } catch ({ message }) {
      if (turn === pictures) update({ isBusy: false, trouble: `${called}: ${message}` });
    }
  }

  const act = {
    files(files) {
      const [file] = files;
      if (!file) return;
      const networks = files.filter(({ name: called }) => /\.onnx$/i.test(called));
      if (networks.length > 0) own.take(networks);
      else showBlob(() => file, 'Your picture', file.name || 'The picture');
    },
    sample(sample) {
      const { kind, name } = sample;
      showBlob(() => fetchSample(sample), `${kind}: ${name}`, name, sample);
    },
    group(group) {
      update({ group });
      tellSpeaker();
    },
    webcam() {
      pictures += 1;
      camera.toggle();
    },
    back: own.back,
    tell: own.tell,
    ask: (asks) => change({ asks }),
    panel: (panel) => change({ panel }),
    set: (settings) => change({ settings: { ...state.settings, ...settings } }),
    stage: (stage) => change({ stage }),
    map: tellSpeaker,
    looks: (looks) => change({ looks }),
  };

  const view = createView(state, act, { samples, qr: root.querySelector('.live-qr') });
  view.show(state);
  if (mirrors) {
    view.body.inert = true;
    follow(name, (changes, map) => {
      root.replaceChildren(view.body);
      update(changes);
      if (changes.within) view.choose(map);
    });
    return { enter() {}, leave() {} };
  }
  root.replaceChildren(view.body);
  const listeners = Object.entries(given(root, act.files, update));
  return {
    enter() {
      if (state.isEntered) return;
      state.isEntered = true;
      for (const [event, listener] of listeners) document.addEventListener(event, listener);
      const start = samples.find(({ file }) => file === root.dataset.start) ?? samples[0];
      if (state.original) refresh();
      else if (start) act.sample(start);
      offer();
    },
    leave() {
      state.isEntered = false;
      for (const [event, listener] of listeners) document.removeEventListener(event, listener);
      camera.end();
      clearTimeout(quiet);
      root.classList.remove('live-over');
    },
  };
}
