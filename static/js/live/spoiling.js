// Wrong on purpose: sliders, and the picture itself, which is covered where it is pressed.

import { button, make } from './dom.js';
import { SIDE } from './picture.js';
import { isUntouched, SETTINGS, tell, UNTOUCHED } from './wrong.js';

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MOVE = 2; // pixels that a key moves what is covered
const FIRST_COVER = 10; // pixels, when the picture is pressed and nothing is covered yet

const within = (at) => Math.min(Math.max(at, 0), SIDE);

/**
 * Return the panel and what keeps it up to date. While it is shown, the picture can be covered.
 *
 * @param {import('./widget.js').State} state
 * @param {(change: Partial<import('./wrong.js').Settings>) => void} set
 * @param {{picture: HTMLElement, pixels: HTMLElement}} elements
 */
export function spoiling(state, set, { picture, pixels }) {
  const sliders = SETTINGS.map(({ name, label, unit, ...limits }) => {
    const value = make('output');
    const oninput = () => set({ [name]: Number(slider.value) });
    const slider = make('input', { type: 'range', ...limits, value: 0, name, oninput });
    const row = make('label', make('span', label), slider, value);
    return { name, unit, slider, value, row };
  });
  const isOn = () => state.panel === 'wrong';
  const reset = button('As it was', () => {
    set(UNTOUCHED);
    if (isOn()) sliders[0].slider.focus();
  });
  const done = make('p');
  const spoilt = make('div.live-spoilt', done, reset);

  function coverAt({ clientX, clientY }) {
    if (!isOn()) return;
    const box = pixels.getBoundingClientRect();
    const shares = [(clientX - box.x) / box.width, (clientY - box.y) / box.height];
    const at = shares.map((share) => within(SIDE * share));
    set({ at, cover: state.settings.cover || FIRST_COVER });
  }
  picture.addEventListener('pointerdown', (event) => {
    if (event.isPrimary) picture.setPointerCapture(event.pointerId);
    coverAt(event);
  });
  picture.addEventListener('pointermove', (event) => {
    if (event.buttons > 0) coverAt(event);
  });
  picture.addEventListener('keydown', (event) => {
    const move = MOVES[event.key];
    if (!isOn() || !move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // it would turn the slide
    const at = state.settings.at.map((middle, n) => within(middle + MOVE * move[n]));
    set(state.settings.cover ? { at } : { cover: FIRST_COVER });
  });

  return {
    element: make('div.live-wrong', { hidden: true }, ...sliders.map(({ row }) => row)),

    /** What is wrong on purpose, and one press that takes it off: wherever it is on. */
    spoilt,

    show() {
      const { settings } = state;
      for (const { name, unit, slider, value } of sliders) {
        slider.value = settings[name];
        value.textContent = tell(settings[name], unit);
      }
      reset.disabled = isUntouched(settings);
      spoilt.hidden = !isOn() && reset.disabled;
      done.hidden = isOn(); // the sliders say it
      const told = SETTINGS.filter(({ name }) => settings[name] !== 0).map(
        ({ name, label, unit }) => `${label.toLowerCase()} ${tell(settings[name], unit)}`,
      );
      done.textContent = `Wrong on purpose: ${told.join(', ')}`;
      picture.classList.toggle('live-coverable', isOn());
      if (!isOn()) {
        for (const name of ['tabindex', 'role', 'aria-label']) picture.removeAttribute(name);
        return;
      }
      const [column, row] = settings.at.map(Math.round);
      const middle = `the middle is at column ${column}, row ${row}`;
      const where = settings.cover ? middle : 'nothing yet';
      picture.tabIndex = 0;
      picture.setAttribute('role', 'application'); // it takes the arrow keys
      picture.setAttribute('aria-label', `Covered: ${where}. Arrow keys move it`);
    },
  };
}
