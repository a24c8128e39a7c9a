// What a live slide looks like: its elements, and what each of them shows of the state.

import { bars, commonVerdict, isBoard, side, spoken, verdict } from './answers.js';
import { button, fileChooser, make, paint } from './dom.js';
import { drawVeil } from './drawing.js';
import { sideOf } from './picture.js';
import { sources } from './samples.js';
import { spoiling } from './spoiling.js';
import { inside } from './stages.js';
import { telling } from './telling.js';
import { provenance, top } from './words.js';

const UNLIKE = 'unlike the training';
const SCORE = 'Samples: how many of the pictures offered here it gets right.';
const PANELS = {
  pictures: 'Pictures',
  wrong: 'Wrong on purpose',
  inside: 'Inside',
  network: 'Its file',
};

/**
 * Return a live slide's body, and what keeps it up to date.
 *
 * @param {import('./widget.js').State} state as it is from now on
 * @param {any} act what is done when something is pressed: `act` of widget.js
 * @param {{samples: import('./samples.js').Sample[], qr: Element|null}} parts
 */
export function createView(state, act, { samples, qr }) {
  const isSingle = () => state.networks.length === 1;
  const accepted = { accept: '.onnx', multiple: true, 'aria-label': 'A network' };
  const networkChooser = fileChooser(accepted, act.files);
  const image = { accept: 'image/*', 'aria-label': 'A picture' };
  const tabs = Object.entries(PANELS).map(([panel, label]) => {
    return button(label, () => act.panel(panel), { 'data-panel': panel });
  });
  const back = button('Back', act.back, { hidden: true });
  const webcam = button('Webcam', act.webcam);
  const pictures = sources(act, samples, fileChooser(image, act.files), webcam);
  const canvas = make('canvas.live-pixels', { role: 'img', 'aria-label': 'No picture yet' });
  const overlay = make('canvas.live-veil', { hidden: true, 'aria-hidden': 'true' });
  const picture = make('div.live-picture', canvas, overlay);
  const what = make('p.live-what', '…');
  const wrong = spoiling(state, act.set, { picture, pixels: canvas });
  const stages = inside(act);
  const file = telling(act);
  const says = make('p.live-verdict', samples.length > 0 ? 'Loading …' : 'Show it a picture');
  const trouble = make('p.live-trouble', { hidden: true });
  const answer = make('div.live-answer');
  const about = make('p.live-about');
  const foot = make('div.live-foot', about, ...(qr ? [qr] : []));
  const say = make('div.live-say', says, trouble, answer, stages.element, foot);
  const said = make('span', { role: 'status', 'aria-live': 'polite' });
  const title = 'an .onnx file of your own';
  const choose = button('Your network', () => networkChooser.click(), { title });
  const body = make(
    'div.live-body',
    make('div.live-tabs', ...tabs, make('span.live-gap'), back, choose, networkChooser),
    make(
      'div.live-see',
      picture,
      what,
      wrong.spoilt,
      pictures.element,
      wrong.element,
      file.element,
    ),
    say,
    make('aside.live-said', { role: 'none' }, said),
  );

  function showPicture() {
    const side = sideOf(state.pixels);
    paint(canvas, { pixels: state.pixels, width: side, height: side });
    canvas.setAttribute('aria-label', `${state.what}, ${side} by ${side} pixels`);
    const remark = state.sample?.kind === 'Drawing' ? UNLIKE : `${side} × ${side} pixels`;
    what.textContent = `${state.what}, ${remark}`;
  }

  function showPanel() {
    const { panel, looks } = state;
    for (const tab of tabs) tab.setAttribute('aria-pressed', String(tab.dataset.panel === panel));
    wrong.element.hidden = panel !== 'wrong';
    file.element.hidden = panel !== 'network';
    pictures.element.hidden = panel === 'wrong' || panel === 'network';
    overlay.hidden = !(looks && panel === 'inside');
    stages.element.hidden = panel !== 'inside';
    answer.hidden = panel === 'inside';
  }

  function showAnswer() {
    const [first] = state.networks;
    if (!first.probabilities) {
      answer.replaceChildren(); // what stands there is of another picture
      if (first.trouble) says.replaceChildren('No answer');
      return;
    }
    says.replaceChildren(...verdict(first, state.sample?.name));
    answer.replaceChildren(bars(first));
    about.textContent = provenance(first);
  }

  function showAnswers() {
    const { networks, sample } = state;
    const label = sample?.name;
    const sentence = commonVerdict(networks, label);
    if (sentence) says.replaceChildren(make('strong', sentence));
    answer.replaceChildren(side(networks, label));
    // Who has no pointer scrolls by keys what is longer than the slide.
    if (answer.scrollHeight > answer.clientHeight + 1) answer.setAttribute('tabindex', '0');
    else answer.removeAttribute('tabindex');
    const done = networks.filter(({ probabilities }) => probabilities);
    const datasets = [...new Set(done.map(({ dataset }) => dataset).filter(Boolean))];
    about.textContent = `Trained on ${datasets.join(' and ')}.`;
    if (isBoard(networks)) about.textContent = SCORE;
  }

  function showWithin() {
    if (!state.within) return;
    stages.show(state.within);
    const { activation } = state.within;
    overlay.hidden = !activation;
    if (activation) paint(overlay, drawVeil(activation, top(state.networks[0].probabilities)));
  }

  function showTabs() {
    const hidden = { inside: !isSingle(), network: !state.asks };
    for (const tab of tabs) tab.hidden = hidden[tab.dataset.panel ?? ''] ?? false;
    if (state.asks) file.show(state.asks, state.networks);
  }

  function showTrouble() {
    trouble.hidden = !state.trouble;
    trouble.textContent = state.trouble ?? '';
    if (state.trouble) said.textContent = state.trouble;
  }

  function showWebcam() {
    webcam.textContent = state.isFilming ? 'Stop' : 'Webcam';
    webcam.setAttribute('aria-pressed', String(state.isFilming));
  }

  /** @type {[show: () => void, ...keys: (keyof import('./widget.js').State)[]][]} */
  const shows = [
    [showPicture, 'pixels'],
    [() => pictures.open(state.group), 'group'],
    [wrong.show, 'settings', 'panel'],
    [showPanel, 'panel'],
    [() => (isSingle() ? showAnswer() : showAnswers()), 'panel', 'answered'],
    [() => (back.hidden = !state.networks.some(({ isOwn }) => isOwn)), 'networks'],
    [() => state.offered && stages.offer(state.offered), 'offered'],
    [() => stages.press(state.looks), 'looks'],
    [showWithin, 'within'],
    [showTabs, 'networks', 'asks'],
    [showTrouble, 'trouble'],
    [showWebcam, 'isFilming'],
    [() => say.setAttribute('aria-busy', String(state.isBusy)), 'isBusy'],
  ];

  return {
    body,

    /** Show what has changed of the state. */
    show(changes) {
      for (const [show, ...keys] of shows) if (keys.some((key) => key in changes)) show();
    },

    /** Say the answer aloud, unless it was said last. */
    say() {
      const [first] = state.networks;
      if (!first.probabilities || state.trouble) return;
      const sentence = isSingle() ? spoken(first, state.sample?.name) : says.textContent;
      if (said.textContent !== sentence) said.textContent = sentence;
    },

    map: stages.map,
    choose: stages.choose,
  };
}
