// The room's classes: their names, how many pictures each has, and what the network says live.

import { bars } from '../live/answers.js';
import { button, fileChooser, make, paint } from '../live/dom.js';
import { ENOUGH, MOST_CLASSES } from './teacher.js';

const SIDE = 32;

/** One class: its last picture, its name, its count, and where its pictures come from. */
function row(n, { name }, act) {
  const canvas = make('canvas', { 'aria-hidden': 'true' });
  const onchange = () => act.rename(n, input.value);
  const input = make('input', { type: 'text', value: name, maxlength: 24, onchange });
  input.setAttribute('aria-label', `Name of class ${n + 1}`);
  const count = make('span.learn-count');
  const film = button('Webcam', () => act.film(n));
  const accepted = {
    accept: 'image/*',
    multiple: true,
    'aria-label': `Pictures of class ${n + 1}`,
  };
  const chooser = fileChooser(accepted, (chosen) => act.files(chosen, n));
  const files = button('Files', () => chooser.click());
  const remove = button('×', () => act.remove(n), { 'aria-label': `Remove class ${n + 1}` });
  const element = make('li', canvas, input, count, film, files, remove, chooser);
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    event.stopPropagation(); // it is for this class
    act.files([...(event.dataTransfer?.files ?? [])], n);
  });
  return { element, canvas, input, count, film, files, remove };
}

/**
 * Return the panel, and what keeps it up to date.
 *
 * @param {import('./widget.js').State} state
 * @param {any} act what the room can do: teacher.js
 */
export function roomView(state, act) {
  const list = make('ol.learn-classes');
  const add = button('Add a class', act.add);
  const live = button('Webcam', act.webcam);
  const canvas = make('canvas.learn-seen', { role: 'img', 'aria-label': 'What it sees' });
  const says = make('div.learn-says');
  const element = make(
    'div.learn-room',
    list,
    make('div.live-row', add, live),
    make('div.learn-live', canvas, says),
  );
  /** @type {ReturnType<typeof row>[]} */
  let rows = [];

  function showRow({ canvas: small, input, count, film, remove, files }, n) {
    const { name, count: there, last } = state.classes[n];
    if (last) paint(small, { pixels: last, width: SIDE, height: SIDE });
    if (input !== document.activeElement) input.value = name;
    count.textContent = `${there} of ${ENOUGH}`;
    film.textContent = state.filmed === n ? 'Stop' : 'Film';
    film.setAttribute('aria-label', `${film.textContent} ${name}`);
    film.setAttribute('aria-pressed', String(state.filmed === n));
    files.setAttribute('aria-label', `Files of ${name}`);
    remove.disabled = rows.length <= 2;
  }

  return {
    element,

    show() {
      if (rows.length !== state.classes.length) {
        rows = state.classes.map((each, n) => row(n, each, act));
        list.replaceChildren(...rows.map((each) => each.element));
      }
      rows.forEach(showRow);
      add.disabled = rows.length >= MOST_CLASSES;
      live.textContent = state.isFilming ? 'Stop the webcam' : 'Start the webcam';
      live.setAttribute('aria-pressed', String(state.isFilming ?? false));
      canvas.hidden = !state.pixels;
      if (state.pixels) paint(canvas, { pixels: state.pixels, width: SIDE, height: SIDE });
      const { shares, classes } = state;
      const names = classes.map(({ name }) => name);
      const hint = 'Film each class or drop pictures on it. Press Start, then show it something.';
      says.replaceChildren(
        shares ? bars({ classes: names, probabilities: shares }) : make('p.learn-what', hint),
      );
    },
  };
}
