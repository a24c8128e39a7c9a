// A slide on which a network learns: from drawn shapes, or from pictures of the room. Whoever does
// something changes the state, and the view shows what has changed of it.

import { follow, tell } from '../live/mirror.js';
import { learner } from './learner.js';
import { teacher } from './teacher.js';
import { createView, said } from './view.js';

const QUIET = 8000; // ms between two sentences that are heard of a training that goes on

/**
 * @typedef {object} Told how a training goes
 * @property {number} steps
 * @property {number} images
 * @property {number} seconds
 * @property {import('./training.js').Point[]} points
 * @property {boolean} isLost whether the loss is no longer a number
 * @property {number[][]} answers probabilities, for the first of the validation pictures
 * @property {{dims: number[], data: Float32Array}} filters of the first layer
 */

/**
 * @typedef {object} State of a slide on which a network learns
 * @property {'shapes'|'own'} kind of pictures
 * @property {any} [lesson] what is learned
 * @property {Uint8ClampedArray[]} [pictures] drawn shapes, of which it tells what it says
 * @property {Told} [shapes]
 * @property {Told} [own]
 * @property {import('./training.js').Point[]} [before] the curve of the training before
 * @property {import('./training.js').Settings} [settings]
 * @property {boolean} [isRunning]
 * @property {boolean} [isEntered]
 * @property {boolean} [isFilming]
 * @property {{name: string, count: number, last?: Uint8ClampedArray}[]} classes of the room
 * @property {number} [filmed] the class that the webcam's pictures go to
 * @property {Uint8ClampedArray} [pixels] of the webcam, or of the picture last given
 * @property {number[]} [shares] what the room's network takes it for
 * @property {string} [trouble]
 */

/** What the speaker view shows as well. */
const shared = (state) => ({ ...state, isEntered: undefined });

function download(bytes, name) {
  const url = URL.createObjectURL(new Blob([bytes]));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Bring the slide to life, as `bringToLife` of live/widget.js does with one of live networks.
 *
 * @param {HTMLElement} root `.live`, with the still inside of it
 * @param {{name: string, mirrors: boolean}} options
 * @returns {{enter: () => void, leave: () => void}}
 */
export function bringToLife(root, { name, mirrors }) {
  /** @type {State} */
  const state = { kind: 'shapes', classes: [] };
  const chosen = {}; // settings, by kind
  let spoken = -Infinity;

  function update(changes) {
    Object.assign(state, changes);
    view.show(changes);
    if (!mirrors) tell(name, shared(state));
  }

  /** Do something that may fail: it is told in a line. */
  async function attempt(job) {
    try {
      update({ trouble: undefined });
      await job();
    } catch ({ message }) {
      update({ trouble: message, isRunning: false });
    }
  }

  const ask = learner(({ kind, isRunning, ...told }) => {
    update({ [kind]: told, ...(kind === state.kind && { isRunning }) });
    const now = performance.now();
    if (isRunning && now - spoken < QUIET) return;
    spoken = now;
    view.say(said(state));
  });

  const room = teacher({ state, update, ask, attempt });

  async function train(steps) {
    const { kind } = state;
    if (kind === 'own') await room.give();
    update({ isRunning: true });
    await ask('go', { kind, steps });
  }

  function pause() {
    if (!state.isRunning) return;
    update({ isRunning: false });
    ask('pause', { kind: state.kind });
  }

  const act = {
    toggle: () => (state.isRunning ? pause() : attempt(() => train())),
    step: () => attempt(() => train(1)),
    again: () =>
      attempt(async () => {
        const points = state[state.kind]?.points ?? [];
        update({ before: points, isRunning: false });
        await ask('again', { kind: state.kind });
      }),
    set(changes) {
      const settings = { ...state.settings, ...changes };
      chosen[state.kind] = settings;
      update({ settings });
      ask('set', { chosen: settings });
    },
    kind(kind) {
      pause();
      room.end();
      update({ kind, before: undefined, trouble: undefined, isRunning: false });
      act.set(chosen[kind] ?? {});
      if (kind === 'own') room.begin();
    },
    keep: () =>
      attempt(async () => {
        const { kind, lesson, classes } = state;
        const names = kind === 'own' ? classes.map((each) => each.name) : lesson.classes;
        const bytes = await ask('keep', { kind, classes: names });
        download(bytes, `${lesson.network}-${kind}.onnx`);
      }),
    room,
  };

  const view = createView(state, act, root.querySelector('.live-qr'));
  view.show(state);
  if (mirrors) {
    view.body.inert = true;
    follow(name, (changes) => {
      root.replaceChildren(view.body);
      update(changes);
    });
    return { enter() {}, leave() {} };
  }

  /** Only what there is to see before anything is learned: onnxruntime comes with Start. */
  async function open() {
    const url = new URL(root.dataset.learn ?? '', document.baseURI).href;
    const { lesson, pictures, filters } = await ask('open', { url });
    const start = { steps: 0, images: 0, seconds: 0, points: [], isLost: false, answers: [] };
    Object.assign(chosen, lesson.settings);
    update({ lesson, pictures, settings: chosen.shapes, shapes: { ...start, filters } });
    root.replaceChildren(view.body);
  }

  const given = Object.entries({
    dragover: (event) => event.preventDefault(), // else the browser leaves the deck for the file
    drop(event) {
      event.preventDefault();
      if (state.kind === 'own') room.files([...event.dataTransfer.files]);
    },
  });
  return {
    enter() {
      if (state.isEntered) return;
      state.isEntered = true;
      for (const [event, listener] of given) document.addEventListener(event, listener);
      if (!state.lesson) open().catch(({ message }) => view.fail(root, message));
    },
    leave() {
      state.isEntered = false;
      for (const [event, listener] of given) document.removeEventListener(event, listener);
      room.end();
      pause();
    },
  };
}
