// A live slide: one picture, and what one network or several make of it.

import { bars, best, commonVerdict, side, verdict } from './answers.js';
import { startCamera } from './camera.js';
import { make, paint } from './dom.js';
import * as engine from './engine.js';
import { follow, share } from './mirror.js';
import { SIDE } from './picture.js';
import { inside, veil } from './stages.js';
import { percent, provenance, withArticle } from './words.js';
import { isUntouched, SETTINGS, spoil, UNTOUCHED } from './wrong.js';

const PANELS = { pictures: 'Pictures', wrong: 'Wrong on purpose', inside: 'Inside' };
const QUIET = 700; // ms without a change after which the answer is said aloud
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MOVE = 2; // pixels that a key moves what is covered
const FIRST_COVER = 10; // pixels, when the picture is pressed and nothing is covered yet
const MAX_FILE = 100e6; // bytes

let ownNetworks = 0;

const isNetwork = ({ name }) => /\.onnx$/i.test(name);

/** The parts of a widget that never change, and what they are called in this file. */
function build(act, { single, samples, qr }) {
  const button = (text, onclick, attributes) =>
    make('button', { type: 'button', onclick, ...attributes }, text);
  const files = (accept, label) =>
    make('input', {
      type: 'file',
      accept,
      hidden: true,
      'aria-label': label,
      onchange: ({ target }) => {
        act.files([...target.files]);
        target.value = ''; // the same file may be chosen again
      },
    });
  const chooser = files('image/*', 'A picture');
  const networkChooser = files('.onnx', 'A network');
  const panels = Object.entries(PANELS).filter(([panel]) => single || panel !== 'inside');
  const tabs = panels.map(([panel, label]) =>
    button(label, () => act.panel(panel), { 'data-panel': panel, 'aria-pressed': 'false' }),
  );
  const webcam = button('Webcam', act.webcam);
  const samplePictures = samples.map((sample) =>
    button(
      make('img', {
        src: sample.url,
        alt: `Sample picture: ${withArticle(sample.name)}`,
        draggable: 'false',
      }),
      () => act.sample(sample),
      { 'data-sample': sample.name },
    ),
  );
  const sliders = SETTINGS.map(({ name, label, min, max, step, unit }) => {
    const value = make('output', { 'data-unit': unit });
    const slider = make('input', {
      type: 'range',
      min,
      max,
      step,
      value: 0,
      name,
      oninput: ({ target }) => act.set({ [name]: Number(target.value) }),
    });
    return make('label', {}, make('span', {}, label), slider, value);
  });
  const canvas = make('canvas.live-pixels', { role: 'img', 'aria-label': 'No picture yet' });
  const overlay = make('canvas.live-veil', { hidden: true, 'aria-hidden': 'true' });
  const view = make('div.live-picture', {}, canvas, overlay);
  const stages = inside({ onStage: act.stage, onLooks: act.looks, onMap: act.map });
  const parts = {
    chooser,
    networkChooser,
    tabs,
    webcam,
    sliders,
    canvas,
    overlay,
    view,
    stages,
    what: make('p.live-what', {}, '…'),
    verdict: make('p.live-verdict', {}, 'Loading …'),
    answer: make('div.live-answer'),
    trouble: make('p.live-trouble', { hidden: true }),
    about: make('p.live-about'),
    back: button('Back', act.back, { hidden: true }),
    said: make('span', { role: 'status', 'aria-live': 'polite' }),
    reset: button('As it was', act.reset),
    pictures: make(
      'div.live-sources',
      {},
      make(
        'div.live-samples',
        { role: 'group', 'aria-label': 'Sample pictures' },
        ...samplePictures,
      ),
      make(
        'div.live-row',
        {},
        button('Your picture', () => chooser.click()),
        webcam,
        chooser,
      ),
    ),
  };
  parts.say = make(
    'div.live-say',
    {},
    parts.verdict,
    parts.trouble,
    parts.answer,
    stages.element,
    make('div.live-foot', {}, parts.about, ...(qr ? [qr] : [])),
  );
  parts.wrong = make('div.live-wrong', { hidden: true }, ...sliders, parts.reset);
  parts.body = make(
    'div.live-body',
    {},
    make(
      'div.live-tabs',
      {},
      ...tabs,
      make('span.live-gap'),
      parts.back,
      button('Your network', () => networkChooser.click(), { title: 'an .onnx file of your own' }),
      networkChooser,
    ),
    make('div.live-see', {}, view, parts.what, parts.pictures, parts.wrong),
    parts.say,
    make('aside.live-said', { role: 'none' }, parts.said),
  );
  return parts;
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
  const absolute = (url) => new URL(url, document.baseURI).href;
  const samples = JSON.parse(root.dataset.samples).map(({ url, ...sample }) => ({
    ...sample,
    url: absolute(url),
  }));
  const lectures = JSON.parse(root.dataset.networks).map(({ url, ...network }) => ({
    ...network,
    source: { key: absolute(url), url: absolute(url) },
  }));
  const single = lectures.length === 1;
  let networks = lectures; // which are shown
  let original; // the pixels as they came
  let pixels; // and what became of them
  let what = '';
  let settings = UNTOUCHED;
  let panel = 'pictures';
  let stageNumber = 0;
  let looks = false;
  let within; // what Inside shows of the network
  let isEntered = false;
  let stopCamera;
  let cameraTurn = 0;
  let pictureTurn = 0;
  let wanted = 0;
  let isBusy = false;
  let quiet;

  function complain(line) {
    parts.trouble.hidden = !line;
    parts.trouble.textContent = line ?? '';
    if (line) parts.said.textContent = line;
  }

  /** Say the answer aloud, once it stays. */
  function sayLater() {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      const [first] = networks;
      if (!first.probabilities || !parts.trouble.hidden) return;
      const sentence = single
        ? `${first.title}: ${best(first)}, ${percent(Math.max(...first.probabilities))}`
        : parts.verdict.textContent;
      if (parts.said.textContent !== sentence) parts.said.textContent = sentence;
    }, QUIET);
  }

  function showPicture() {
    paint(parts.canvas, pixels, SIDE, SIDE);
    parts.canvas.setAttribute('aria-label', `${what}, ${SIDE} by ${SIDE} pixels`);
    parts.what.textContent = `${what}, ${SIDE} × ${SIDE} pixels`;
  }

  function showAnswers() {
    const isInside = panel === 'inside' && single;
    const [first] = networks;
    parts.stages.element.hidden = !isInside;
    parts.answer.hidden = isInside;
    if (single) {
      if (!first.probabilities) {
        parts.answer.replaceChildren(); // what stands there is of another picture
        return;
      }
      parts.verdict.replaceChildren(...verdict(first));
      parts.answer.replaceChildren(bars(first));
      parts.about.textContent = provenance(first);
    } else {
      const done = networks.filter(({ probabilities }) => probabilities);
      if (done.length > 0) parts.verdict.replaceChildren(...commonVerdict(done));
      parts.answer.replaceChildren(side(networks));
      const datasets = [...new Set(done.map(({ dataset }) => dataset))];
      parts.about.textContent = `Trained on ${datasets.join(' and ')}.`;
    }
  }

  function showSettings() {
    for (const { children } of parts.sliders) {
      const [, slider, value] = children;
      slider.value = settings[slider.name];
      value.textContent = `${settings[slider.name]}${value.dataset.unit}`.replace('-', '−');
    }
    parts.reset.disabled = isUntouched(settings);
    showCover();
  }

  /** Let the picture be covered by pointer and by keys, while it can be. */
  function showCover() {
    const can = panel === 'wrong';
    parts.view.classList.toggle('live-coverable', can);
    if (!can) {
      for (const name of ['tabindex', 'role', 'aria-label']) parts.view.removeAttribute(name);
      return;
    }
    const [column, row] = settings.at.map(Math.round);
    const where = settings.cover ? `the middle is at column ${column}, row ${row}` : 'nothing yet';
    parts.view.tabIndex = 0;
    parts.view.setAttribute('role', 'application'); // it takes the arrow keys
    parts.view.setAttribute('aria-label', `Covered: ${where}. Arrow keys move it`);
  }

  function showPanel() {
    for (const tab of parts.tabs) tab.setAttribute('aria-pressed', tab.dataset.panel === panel);
    parts.wrong.hidden = panel !== 'wrong';
    parts.pictures.hidden = panel === 'wrong';
    parts.overlay.hidden = !(looks && panel === 'inside');
    showCover();
    showAnswers();
  }

  function tellSpeaker() {
    const told = networks.map(({ source, ...network }) => network);
    const map = within && parts.stages.map();
    share(name, { networks: told, pixels, what, panel, settings, looks, within, map });
  }

  const know = (network, about) => Object.assign(network, about, { title: network.title });

  /** Ask one network; what it says is dropped when the picture is another by then. */
  async function ask(network, isStale) {
    try {
      const about = await engine.load(network.source);
      const answer = await engine.classify(network.source, pixels);
      if (isStale()) return;
      know(network, about);
      Object.assign(network, answer, { trouble: undefined });
    } catch (error) {
      if (isStale()) return;
      Object.assign(network, { probabilities: undefined, trouble: error.message });
      if (single) {
        parts.verdict.replaceChildren('No answer');
        complain(error.message);
      }
    }
    showAnswers();
  }

  async function lookInside(isStale) {
    const [network] = networks;
    if (panel !== 'inside' || !network.probabilities || !network.stages.length) {
      within = undefined;
      return;
    }
    const stage = network.stages[Math.min(stageNumber, network.stages.length - 1)];
    const kernel = stage.kernel ? [`${stage.name}.kernel`] : [];
    const seesLooks = looks && network.class_activation;
    const names = [stage.name, ...kernel, ...(seesLooks ? ['class_activation'] : [])];
    const outputs = await engine.look(network.source, pixels, names);
    if (isStale()) return;
    within = {
      stage,
      number: network.stages.indexOf(stage),
      output: outputs[stage.name],
      kernels: outputs[kernel[0]],
      activation: outputs.class_activation,
    };
    showWithin();
  }

  function showWithin() {
    const { stage, number, output, kernels, activation } = within;
    parts.stages.show(stage, number, output, kernels);
    parts.overlay.hidden = !activation;
    if (!activation) return;
    const { probabilities } = networks[0];
    const free = veil(activation, probabilities.indexOf(Math.max(...probabilities)));
    paint(parts.overlay, free.pixels, free.width, free.height);
  }

  /** Bring everything up to date. Of many calls in a row, the first and the last are dealt with. */
  async function refresh() {
    if (!original) return;
    pixels = spoil(original, settings);
    showPicture();
    wanted += 1;
    if (isBusy) return;
    isBusy = true;
    showBusy(true);
    try {
      for (let asked; asked !== wanted && isEntered;) {
        asked = wanted;
        const turn = asked;
        await answerAll(() => turn !== wanted || !isEntered);
      }
    } catch (error) {
      complain(error.message);
    } finally {
      isBusy = false;
      showBusy(false);
    }
  }

  /** Ask every network, and tell what they said unless something else is asked by then. */
  async function answerAll(isStale) {
    for (const network of networks) {
      if (!isStale()) await ask(network, isStale);
    }
    if (!isStale()) await lookInside(isStale);
    if (isStale()) return;
    tellSpeaker();
    sayLater();
  }

  const showBusy = (busy) => parts.say.setAttribute('aria-busy', busy);

  function show(newPixels, newWhat) {
    complain();
    original = newPixels;
    what = newWhat;
    refresh();
  }

  /** Show a picture from a file; if another is asked for meanwhile, that one. */
  async function showBlob(getBlob, newWhat, called) {
    endCamera();
    pictureTurn += 1;
    const turn = pictureTurn;
    showBusy(true);
    try {
      const newPixels = await engine.picture(await getBlob());
      if (turn === pictureTurn) show(newPixels, newWhat);
    } catch (error) {
      if (turn !== pictureTurn) return;
      showBusy(false);
      complain(`${called}: ${error.message}`);
    }
  }

  const showSample = (sample) =>
    showBlob(
      async () => {
        const answer = await fetch(sample.url);
        if (!answer.ok) throw new Error(`it cannot be loaded (${answer.status})`);
        return answer.blob();
      },
      `Sample: ${sample.name}`,
      sample.name,
    );

  function endCamera() {
    cameraTurn += 1;
    stopCamera?.();
    stopCamera = undefined;
    parts.webcam.textContent = 'Webcam';
    parts.webcam.setAttribute('aria-pressed', 'false');
  }

  async function toggleCamera() {
    if (stopCamera) {
      endCamera();
      return;
    }
    complain();
    cameraTurn += 1;
    pictureTurn += 1;
    const turn = cameraTurn;
    const isCurrent = () => turn === cameraTurn && isEntered;
    try {
      const stop = await startCamera(async (bitmap) => {
        const newPixels = await engine.frame(bitmap);
        if (isCurrent()) show(newPixels, 'The webcam');
      });
      // Left while the browser still asked whether it may.
      if (!isCurrent()) {
        stop();
        return;
      }
      stopCamera = stop;
      parts.webcam.textContent = 'Stop';
      parts.webcam.setAttribute('aria-pressed', 'true');
    } catch (error) {
      if (isCurrent()) complain(`Webcam: ${error.message}`);
    }
  }

  /** Show somebody's own network, beside those of the lecture or in place of the one; or none. */
  function putOwn(own) {
    for (const { source, isOwn } of networks) if (isOwn) engine.release(source);
    networks = own && single ? [own] : [...lectures, ...(own ? [own] : [])];
    parts.back.hidden = !own;
    within = undefined;
    complain();
    offer();
    refresh();
  }

  async function showNetwork(file) {
    ownNetworks += 1;
    const turn = ownNetworks;
    showBusy(true);
    const source = { key: `own ${turn}` };
    try {
      if (file.size > MAX_FILE) throw new Error('it is larger than 100 MB');
      source.bytes = new Uint8Array(await file.arrayBuffer());
      const about = await engine.load(source);
      if (pixels) await engine.classify(source, pixels); // else it takes no other's place
      if (turn === ownNetworks)
        putOwn({ ...about, title: `${about.title} (yours)`, source, isOwn: true });
      else engine.release(source);
    } catch (error) {
      engine.release(source);
      if (turn !== ownNetworks) return;
      showBusy(false);
      complain(`${file.name}: ${error.message}`);
    }
  }

  /** Offer the stages of the network that is shown. */
  async function offer() {
    if (!single) return;
    const [network] = networks;
    try {
      const about = await engine.load(network.source);
      if (networks[0] !== network) return;
      know(network, about);
      stageNumber = 0;
      parts.stages.offer(network);
    } catch {
      // The question that follows meets the same trouble, and tells it.
    }
  }

  function takeFiles(files) {
    const [file] = files;
    if (!file) return;
    if (isNetwork(file)) showNetwork(file);
    else showBlob(async () => file, 'Your picture', file.name || 'The picture');
  }

  const act = {
    files: takeFiles,
    sample: showSample,
    webcam: toggleCamera,
    back: () => putOwn(undefined),
    panel(chosen) {
      panel = chosen;
      showPanel();
      refresh();
    },
    set(change) {
      settings = { ...settings, ...change };
      showSettings();
      refresh();
    },
    reset() {
      act.set(UNTOUCHED);
      parts.sliders[0].querySelector('input').focus();
    },
    stage(stageName) {
      stageNumber = networks[0].stages.findIndex((stage) => stage.name === stageName);
      refresh();
    },
    map: () => tellSpeaker(),
    looks(on) {
      looks = on;
      parts.stages.press(on);
      refresh();
    },
  };

  const parts = build(act, { single, samples, qr: root.querySelector('.live-qr') });

  /** Cover the picture where it is pressed. */
  function coverAt({ clientX, clientY }) {
    if (panel !== 'wrong') return;
    const box = parts.canvas.getBoundingClientRect();
    const at = [(clientX - box.x) / box.width, (clientY - box.y) / box.height].map(
      (share) => SIDE * Math.min(Math.max(share, 0), 1),
    );
    act.set({ at, cover: settings.cover || FIRST_COVER });
  }
  parts.view.addEventListener('pointerdown', (event) => {
    if (event.isPrimary) parts.view.setPointerCapture(event.pointerId);
    coverAt(event);
  });
  parts.view.addEventListener('pointermove', (event) => {
    if (event.buttons > 0) coverAt(event);
  });

  parts.view.addEventListener('keydown', (event) => {
    const move = MOVES[event.key];
    if (panel !== 'wrong' || !move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // it would turn the slide
    const at = settings.at.map((middle, n) => Math.min(Math.max(middle + MOVE * move[n], 0), SIDE));
    act.set(settings.cover ? { at } : { cover: FIRST_COVER });
  });

  const listeners = {
    paste: (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0 || event.target.closest?.('input, textarea')) return;
      event.preventDefault();
      takeFiles(files);
    },
    dragover: (event) => {
      event.preventDefault(); // else the browser leaves the deck for the file
      root.classList.add('live-over');
    },
    dragleave: (event) => {
      if (!event.relatedTarget) root.classList.remove('live-over');
    },
    drop: (event) => {
      event.preventDefault();
      root.classList.remove('live-over');
      const files = [...event.dataTransfer.files];
      if (files.length > 0) takeFiles(files);
      else complain('Drop a picture or an .onnx file from a folder of yours');
    },
  };

  function mirror() {
    parts.body.inert = true;
    follow(name, (state) => {
      ({ networks, pixels, what, panel, settings, looks, within } = state);
      root.replaceChildren(parts.body);
      showPicture();
      showSettings();
      showPanel();
      if (panel !== 'inside' || !within) return;
      parts.stages.offer(networks[0]);
      parts.stages.press(looks);
      showWithin();
      parts.stages.choose(state.map);
    });
  }

  if (mirrors) {
    mirror();
    return { enter() {}, leave() {} };
  }
  root.replaceChildren(parts.body);
  showSettings();
  showPanel();
  return {
    enter() {
      if (isEntered) return;
      isEntered = true;
      for (const [event, listener] of Object.entries(listeners)) {
        document.addEventListener(event, listener);
      }
      const start = samples.find((sample) => sample.name === root.dataset.start) ?? samples[0];
      if (original) refresh();
      else if (start) showSample(start);
      else parts.verdict.replaceChildren('Show it a picture');
      offer();
    },
    leave() {
      isEntered = false;
      for (const [event, listener] of Object.entries(listeners)) {
        document.removeEventListener(event, listener);
      }
      endCamera();
      clearTimeout(quiet);
      root.classList.remove('live-over');
    },
  };
}
