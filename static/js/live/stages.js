// Inside: the maps of a stage, one of them large beside its kernel, and where the network looks.

import { button, make, paint } from './dom.js';
import * as drawing from './drawing.js';
import { looksOf } from './onnx.js';
import { signed, whole } from './words.js';

const MAPS_SHARE = 0.56; // of the panel's width, as the style sheet gives it

/**
 * @typedef {object} Within what is shown of a network's inside
 * @property {import('./onnx.js').Stage} stage
 * @property {number} number of the stage
 * @property {import('./engine.js').Output} output its maps
 * @property {import('./engine.js').Output} [kernels] where it is one convolution
 * @property {import('./engine.js').Output} [activation] where the network looks
 */

/**
 * Return the panel of a network's stages, and what keeps it up to date.
 *
 * @param {{stage: (n: number) => void, looks: (on: boolean) => void, map: () => void}} act
 */
export function inside(act) {
  const steps = make('div.live-steps', { role: 'group', 'aria-label': 'Stages' });
  const toggle = () => act.looks(looks.getAttribute('aria-pressed') !== 'true');
  const looks = button('Where it looks', toggle, { class: 'live-looks' });
  const caption = make('p.live-stage');
  const maps = make('canvas.live-maps', { role: 'img' });
  const large = make('canvas.live-large', { role: 'img' });
  const kernel = make('canvas.live-kernel', { role: 'img' });
  const mapLabel = make('p.live-map');
  const kernelLabel = make('p.live-map');
  const kernelFigure = make('figure.live-of-kernel', kernel, kernelLabel);
  const before = button('‹', () => turnTo(chosen - 1), { 'aria-label': 'The map before' });
  const next = button('›', () => turnTo(chosen + 1), { 'aria-label': 'The next map' });
  const turn = make('div.live-turn', before, next);
  const detail = make('div.live-detail', make('figure', large, mapLabel), turn, kernelFigure);
  const look = make('div.live-look', maps, detail);
  const bar = make('div.live-stagebar', steps, looks);
  const element = make('div.live-inside', bar, caption, look);

  /** @type {import('./drawing.js').Arranged} */
  let shown; // the maps of the stage
  /** @type {Within['kernels']} */
  let kernels;
  let chosen = 0;

  function choose(map) {
    chosen = (map + shown.maps.length) % shown.maps.length;
    paint(large, drawing.drawMap(shown, chosen));
    const { least, most } = drawing.range(shown.maps[chosen]);
    const extent = `${signed(least)} to ${signed(most)}`;
    mapLabel.textContent = `${chosen + 1} of ${shown.maps.length}: ${extent}`;
    large.setAttribute('aria-label', `Map ${mapLabel.textContent}`);
    kernelFigure.hidden = !kernels;
    if (kernels) {
      const { label, picture } = drawing.drawKernel(kernels, chosen);
      kernelLabel.textContent = label;
      kernel.setAttribute('aria-label', label);
      paint(kernel, picture);
    }
    paint(maps, drawing.drawMaps(shown, chosen));
  }

  function turnTo(map) {
    choose(map);
    act.map();
  }

  maps.addEventListener('click', ({ clientX, clientY }) => {
    const box = maps.getBoundingClientRect();
    // The picture begins at the upper left of its box, and is as large as fits.
    const zoom = Math.min(box.width / maps.width, box.height / maps.height);
    const map = drawing.mapAt((clientX - box.x) / zoom, (clientY - box.y) / zoom, shown);
    if (map !== undefined) turnTo(map);
  });

  return {
    element,

    /** Offer the stages of a network. */
    offer(network) {
      const { stages } = network;
      const highest = Math.max(...stages.map(({ output }) => output[1] ?? 1));
      const buttons = stages.map(({ name, kind, output }, n) => {
        const title = `${name}: ${kind}, ${output.join(' × ')}`;
        const style = `--height: ${0.25 + 0.75 * Math.sqrt((output[1] ?? 1) / highest)}`;
        const attributes = { class: 'live-step', title, 'aria-label': title, style };
        return button('', () => act.stage(n), attributes);
      });
      steps.replaceChildren(...buttons);
      looks.hidden = !looksOf(network);
    },

    /** Show a stage: its maps, and its kernels where there are some. @param {Within} within */
    show({ stage, number, output, kernels: given }) {
      const isOther = element.dataset.stage !== stage.name;
      const split = drawing.split(output);
      for (const [n, step] of [...steps.children].entries()) {
        step.setAttribute('aria-pressed', String(n === number));
      }
      const extent = `from ${signed(split.least)} to ${signed(split.most)}`;
      const words = ` ${stage.kind} · ${stage.output.join(' × ')} · ${extent}`;
      caption.replaceChildren(make('strong', stage.name), words);
      const room = look.getBoundingClientRect(); // below the caption
      const shape = room.height > 0 ? (MAPS_SHARE * room.width) / room.height : 1;
      shown = drawing.arrange(split, shape);
      kernels = given;
      const sides = `${shown.width} by ${shown.height}`;
      const label = `The ${whole(shown.maps.length)} maps of ${stage.name}, ${sides}`;
      maps.setAttribute('aria-label', label);
      element.dataset.stage = stage.name;
      choose(isOther ? drawing.strongest(shown) : Math.min(chosen, shown.maps.length - 1));
    },

    /** The number of the map that is shown large. */
    map: () => chosen,

    /** Show another map large. */
    choose,

    /** Say whether the picture shows where the network looks. */
    press: (on) => looks.setAttribute('aria-pressed', String(on)),
  };
}
