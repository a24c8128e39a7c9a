// Where a picture is chosen: a sample of one kind or another, a file or the webcam.

import { button, make } from './dom.js';
import { withArticle } from './words.js';

/** What the kinds of samples are called together. */
const GROUPS = {
  Photograph: 'Photos',
  Drawing: 'Drawings',
  'Test image': 'Test images',
};

/** @typedef {{name: string, kind: string, file: string, url: string}} Sample and its class */

/**
 * Return where they are chosen, and what shows the group that was opened.
 *
 * @param {{sample: (sample: Sample) => void, group: (n: number) => void}} act
 * @param {Sample[]} samples
 * @param {HTMLInputElement} chooser of a file
 * @param {HTMLButtonElement} webcam
 */
export function sources(act, samples, chooser, webcam) {
  const kinds = Object.keys(GROUPS).filter((kind) => samples.some((one) => one.kind === kind));
  const show = (sample) => {
    const alt = `${sample.kind} of ${withArticle(sample.name)}`;
    const image = make('img', { src: sample.url, alt, draggable: 'false' });
    return button(image, () => act.sample(sample), {
      'data-sample': sample.file.replace(/\.\w+$/, ''),
    });
  };
  const groups = kinds.map((kind) => {
    const buttons = samples.filter((one) => one.kind === kind).map(show);
    const group = { role: 'group', 'aria-label': GROUPS[kind] };
    return make('div.live-samples', group, ...buttons);
  });
  const tabs = kinds.map((kind, n) => button(GROUPS[kind], () => act.group(n)));
  function open(n) {
    groups.forEach((group, each) => (group.hidden = each !== n));
    tabs.forEach((tab, each) => tab.setAttribute('aria-pressed', String(each === n)));
  }
  const choose = button('Your picture', () => chooser.click());
  const element = make(
    'div.live-sources',
    ...(kinds.length > 1 ? [make('div.live-row.live-kinds', ...tabs)] : []),
    ...groups,
    make('div.live-row', choose, webcam, chooser),
  );
  return { element, open };
}
