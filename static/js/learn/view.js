// What a slide on which a network learns looks like.

import { button, make, paint } from '../live/dom.js';
import { percent, top, whole } from '../live/words.js';
import { charts } from './chart.js';
import { controls } from './controls.js';
import { roomView } from './roomview.js';

const SIDE = 32;
const KINDS = { shapes: 'Watch it learn', own: 'Teach it yourself' };

const right = ({ points }) => percent(points.at(-1)?.accuracy ?? 0, 0);

/** How a training goes, in a sentence. @param {import('./widget.js').State} state */
export function said({ kind, isRunning, ...trainings }) {
  const told = trainings[kind];
  if (!told || told.steps === 0) return 'It has not learned anything yet.';
  const after = `after ${whole(told.images)} images`;
  if (told.isLost) return `The loss is no longer a number ${after}: the rate is too high.`;
  const what = kind === 'own' ? 'pictures that it was not shown' : 'new shapes';
  return `${right(told)} of ${what} right, ${after}${isRunning ? '' : ', paused'}.`;
}

/** Paint a filter of the first layer in color: grey is nothing. */
function paintFilter(canvas, { dims, data }, n) {
  const [, , height, width] = dims;
  const size = height * width;
  const kernel = data.subarray(3 * size * n, 3 * size * (n + 1));
  const largest = kernel.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const pixels = Array.from({ length: 3 * size }, (_, at) => {
    const value = kernel[(at % 3) * size + Math.floor(at / 3)];
    return 127.5 + (127.5 * value) / largest;
  });
  paint(canvas, { pixels, width, height });
}

/** The ten pictures, each with what it says of it, and the filters. */
function shapesView(state) {
  const canvases = Array.from({ length: 10 }, () => make('canvas', { role: 'img' }));
  const words = canvases.map(() => make('figcaption', '…'));
  const figures = canvases.map((canvas, n) => make('figure', canvas, words[n]));
  const filters = make('div.learn-filters');
  const element = make(
    'div.learn-shapes',
    make('p.learn-what', 'Shapes that it does not train on, and what it says'),
    make('div.learn-pictures', ...figures),
    make('p.learn-what', 'The filters of the first layer'),
    filters,
  );
  return {
    element,

    showPictures() {
      for (const [n, pixels] of (state.pictures ?? []).entries()) {
        paint(canvases[n], { pixels, width: SIDE, height: SIDE });
        canvases[n].setAttribute('aria-label', `A ${state.lesson.classes[n]}`);
      }
    },

    showLesson() {
      const [count] = state.lesson?.parameters[0].shape ?? [0];
      const label = (n) => `Filter ${n + 1} of the first layer`;
      filters.replaceChildren(
        ...Array.from({ length: count }, (_, n) =>
          make('canvas', { role: 'img', 'aria-label': label(n) }),
        ),
      );
    },

    show() {
      const { shapes: told, lesson } = state;
      if (!told || !lesson) return;
      [...filters.children].forEach((canvas, n) => paintFilter(canvas, told.filters, n));
      for (const [n, figure] of figures.entries()) {
        const answer = lesson.classes[top(told.answers[n] ?? [])];
        const isRight = answer === lesson.classes[n];
        words[n].textContent = answer === undefined ? '…' : `${isRight ? '✓' : '≠'} ${answer}`;
        figure.classList.toggle('learn-right', isRight);
      }
    },
  };
}

/**
 * Return the slide's body, and what keeps it up to date.
 *
 * @param {import('./widget.js').State} state
 * @param {any} act what is done when something is pressed: `act` of widget.js
 * @param {Element|null} qr
 */
export function createView(state, act, qr) {
  const tabs = Object.entries(KINDS).map(([kind, label]) =>
    button(label, () => act.kind(kind), { 'data-kind': kind }),
  );
  const shapes = shapesView(state);
  const room = roomView(state, act.room);
  const set = controls(state, act);
  const says = make('p.live-verdict', 'Press Start');
  const trouble = make('p.live-trouble', { hidden: true });
  const curves = make('div.learn-charts', { role: 'img' });
  const about = make('p.live-about');
  const heard = make('span', { role: 'status', 'aria-live': 'polite' });
  const foot = make('div.live-foot', about, ...(qr ? [qr] : []));
  const body = make(
    'div.live-body',
    make('div.live-tabs', ...tabs),
    make('div.live-see', shapes.element, room.element),
    make('div.live-say', says, trouble, curves, set.element, foot),
    make('aside.live-said', { role: 'none' }, heard),
  );

  function showKind() {
    const isOwn = state.kind === 'own';
    for (const tab of tabs)
      tab.setAttribute('aria-pressed', String(tab.dataset.kind === state.kind));
    shapes.element.hidden = isOwn;
    room.element.hidden = !isOwn;
    about.textContent = isOwn
      ? 'The pictures stay in this page: nothing is sent anywhere, and they are gone with it.'
      : `${state.lesson?.title ?? ''}: shapes, weights and steps are made in this page, by the lesson’s own code.`;
  }

  function showTraining() {
    const told = state[state.kind];
    const points = told?.points ?? [];
    curves.innerHTML = charts(points, state.before, state.kind === 'own' ? 1000 : 10_000);
    curves.setAttribute('aria-label', `Loss and accuracy. ${said(state)}`);
    if (!told || told.steps === 0) says.replaceChildren('Press Start');
    else if (told.isLost) says.replaceChildren(make('strong', 'Diverged'), 'press Again');
    else {
      const time = make(
        'span.live-time',
        `${whole(told.steps)} ${told.steps === 1 ? 'step' : 'steps'} in ${told.seconds.toFixed(0)} s`,
      );
      says.replaceChildren(make('strong', right(told)), 'right', time);
    }
  }

  function showTrouble() {
    trouble.hidden = !state.trouble;
    trouble.textContent = state.trouble ?? '';
    if (state.trouble) heard.textContent = state.trouble;
  }

  /** @type {[show: () => void, ...keys: (keyof import('./widget.js').State)[]][]} */
  const shows = [
    [showKind, 'kind', 'lesson'],
    [shapes.showPictures, 'pictures'],
    [shapes.showLesson, 'lesson'],
    [shapes.show, 'shapes', 'lesson'],
    [showTraining, 'kind', 'shapes', 'own', 'before'],
    [set.show, 'settings'],
    [set.press, 'kind', 'isRunning', 'shapes', 'own'],
    [room.show, 'classes', 'filmed', 'isFilming', 'pixels', 'shares'],
    [showTrouble, 'trouble'],
  ];

  return {
    body,

    /** Show what has changed of the state. */
    show(changes) {
      for (const [show, ...keys] of shows) if (keys.some((key) => key in changes)) show();
    },

    /** Say something aloud, unless it was said last. */
    say(sentence) {
      if (heard.textContent !== sentence) heard.textContent = sentence;
    },

    /** Say what went wrong before there was anything to see. */
    fail(root, message) {
      root.append(make('p.live-trouble', { role: 'alert' }, message));
    },
  };
}
