// The room teaches: two to five classes, with pictures from the webcam or from files. They stay in
// this page.

import { webcam } from '../live/camera.js';
import { picture } from '../live/engine.js';

export const MOST_CLASSES = 5;
export const ENOUGH = 20; // pictures of a class
const FEWEST = 5;
const FIRST = ['thumb up', 'thumb down'];

/**
 * Return what the room can do.
 *
 * @param {object} slide
 * @param {import('./widget.js').State} slide.state
 * @param {(changes: Partial<import('./widget.js').State>) => void} slide.update
 * @param {(job: string, given?: object) => Promise<any>} slide.ask the worker
 * @param {(job: () => Promise<void>) => Promise<void>} slide.attempt something that may fail
 */
export function teacher({ state, update, ask, attempt }) {
  /** @type {Uint8ClampedArray[][]} */
  const pictures = []; // of each class
  let isGiven = false; // to the worker
  let isAsking = false;

  const tally = (changes = {}) =>
    update({
      classes: state.classes.map((each, n) => {
        return { ...each, count: pictures[n].length, last: pictures[n].at(-1) };
      }),
      ...changes,
    });

  /** Add a picture to a class. What was learned before is not of these pictures. */
  function put(n, pixels) {
    pictures[n].push(pixels);
    forget();
    tally();
  }

  function forget() {
    if (isGiven) update({ own: undefined, shares: undefined, isRunning: false });
    if (isGiven) ask('pause', { kind: 'own' });
    isGiven = false;
  }

  /** Show a picture, and what the network takes it for, once it has learned. */
  async function show(pixels) {
    const { filmed } = state;
    update({ pixels });
    if (filmed !== undefined) {
      put(filmed, pixels);
      if (pictures[filmed].length >= ENOUGH) update({ filmed: undefined });
      return;
    }
    if (!isGiven || !state.own || isAsking) return;
    isAsking = true;
    try {
      const shares = await ask('ask', { pixels });
      if (isGiven) update({ shares });
    } finally {
      isAsking = false;
    }
  }

  const camera = webcam(/** @type {any} */ ({ state, update, show }));

  function add() {
    pictures.push([]);
    const name = FIRST[state.classes.length] ?? `class ${state.classes.length + 1}`;
    update({ classes: [...state.classes, { name, count: 0 }] });
  }

  return {
    /** Begin with two classes. */
    begin() {
      while (state.classes.length < FIRST.length) add();
    },

    add() {
      if (state.classes.length < MOST_CLASSES) add();
      forget();
    },

    remove(n) {
      if (state.classes.length <= 2) return;
      pictures.splice(n, 1);
      forget();
      update({ classes: state.classes.filter((_, at) => at !== n), filmed: undefined });
    },

    rename(n, name) {
      const change = (each, at) => (at === n ? { ...each, name: name.trim() || each.name } : each);
      update({ classes: state.classes.map(change) });
    },

    /** Take twenty pictures of a class anew, or stop. */
    film(n) {
      if (state.filmed === n) {
        update({ filmed: undefined });
        return;
      }
      if (pictures[n].length >= ENOUGH) pictures[n].length = 0;
      forget();
      tally({ filmed: n });
      if (!state.isFilming) camera.toggle();
    },

    webcam: () => camera.toggle(),

    /** Take pictures from files, into the class given or the first that has too few. */
    files: (files, n = state.classes.findIndex(({ count }) => count < ENOUGH)) =>
      attempt(async () => {
        if (n < 0) throw new Error(`Each class has its ${ENOUGH} pictures: add a class`);
        for (const file of files) {
          try {
            put(n, await picture(file));
          } catch ({ message }) {
            throw new Error(`${file.name}: ${message}`);
          }
        }
      }),

    /** Give the worker the pictures, unless it has them. */
    async give() {
      const few = state.classes.find(({ count }) => count < FEWEST);
      if (few)
        throw new Error(`${few.name} has ${few.count} pictures, and needs ${FEWEST} or more`);
      if (isGiven) return;
      const all = pictures.flatMap((mine, label) => mine.map((pixels) => ({ pixels, label })));
      update({ filmed: undefined });
      await ask('teach', { pictures: all, classes: pictures.length });
      isGiven = true;
    },

    end() {
      camera.end();
      update({ filmed: undefined });
    },
  };
}
