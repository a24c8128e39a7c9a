// What the room can turn while a network learns.

import { button, make } from '../live/dom.js';

const BATCHES = [8, 16, 32, 64, 128, 256];

const minus = (text) => text.replace('-', '−');

/** The sliders: from a place on them to a setting, and how it is told. */
const SLIDERS = [
  {
    name: 'lr',
    label: 'Learning rate',
    min: -4,
    max: 0.5,
    step: 0.1,
    at: (lr) => Math.log10(lr),
    setting: (place) => Number((10 ** place).toPrecision(2)),
    write: (lr) => minus(String(lr)),
  },
  {
    name: 'momentum',
    label: 'Momentum',
    min: 0,
    max: 0.99,
    step: 0.01,
    at: (momentum) => momentum,
    setting: (place) => place,
    write: (momentum) => momentum.toFixed(2),
  },
  {
    name: 'batch',
    label: 'Batch',
    min: 0,
    max: BATCHES.length - 1,
    step: 1,
    at: (batch) => BATCHES.indexOf(batch),
    setting: (place) => BATCHES[place],
    write: String,
  },
];

/**
 * Return buttons and sliders, and what keeps them up to date.
 *
 * @param {import('./widget.js').State} state
 * @param {any} act what is done when something is pressed: `act` of widget.js
 */
export function controls(state, act) {
  const start = button('Start', act.toggle, { class: 'learn-start' });
  const step = button('Step', act.step, { title: 'one step: one batch' });
  const again = button('Again', act.again);
  const title = 'the weights, as an .onnx file that a live slide runs';
  const keep = button('Keep it', act.keep, { title, disabled: true });
  const augment = button('Augment', () => act.set({ augment: !state.settings?.augment }), {
    'aria-pressed': 'false',
    title: 'train on images that are shifted and mirrored at random',
  });
  const sliders = SLIDERS.map(({ name, label, setting, min, max, step: by }) => {
    const value = make('output');
    const oninput = () => act.set({ [name]: setting(Number(slider.value)) });
    const slider = make('input', { type: 'range', min, max, step: by, name, oninput });
    return { name, slider, value, row: make('label', make('span', label), slider, value) };
  });
  return {
    element: make(
      'div.learn-controls',
      make('div.live-row', start, step, again, augment, keep),
      ...sliders.map(({ row }) => row),
    ),

    show() {
      if (!state.settings) return;
      for (const [n, { name, slider, value }] of sliders.entries()) {
        const { at, write } = SLIDERS[n];
        slider.value = String(at(state.settings[name]));
        value.textContent = write(state.settings[name]);
      }
      augment.setAttribute('aria-pressed', String(state.settings.augment));
    },

    press() {
      const told = state[state.kind];
      start.textContent = state.isRunning ? 'Pause' : 'Start';
      const hasLearned = told !== undefined && told.steps > 0;
      keep.disabled = !hasLearned || told.isLost;
      again.disabled = !hasLearned;
      start.disabled = told?.isLost ?? false;
      step.disabled = state.isRunning || start.disabled;
    },
  };
}
