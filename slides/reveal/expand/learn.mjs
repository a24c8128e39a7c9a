// A network that learns in the page: what the slide shows until its script runs, on paper and where
// there is none. It is a run of the same training, recorded in Python.

import { escapeText } from '../html.mjs';
import { SERVED } from './links.mjs';
import { load, misfit } from '../project.mjs';

const page = (name) => load(new URL(`../../../static/js/${name}`, import.meta.url).href);
const { charts } = await page('learn/chart.js');
const { percent, top, whole, withArticle } = await page('live/words.js');

const SIDE = 32; // of a picture, in pixels
const PER_ROW = 5;
const SETTINGS = { lr: 'number', momentum: 'number', batch: 'number' };
const SHAPE = {
  title: 'text',
  classes: ['text'],
  mean: ['number'],
  std: ['number'],
  settings: { shapes: SETTINGS, own: SETTINGS },
  training: { count: 'number' },
  validation: { count: 'number', seed: 'number' },
  network: 'text',
  parameters: [{ name: 'text', shape: ['number'] }],
  statistics: 'object',
  draws: [{ name: 'text', count: 'number' }],
  files: { step: 'text', network: 'text' },
  record: {
    answers: [['number']],
    history: [{ images: 'number', accuracy: 'number' }],
    torch: 'text',
    device: 'text',
  },
};

/** What stands in the address of live.html for a slide of this network. */
export const learns = (network) => `learn-${network}`;

/** A part of the recorded pictures, which lie in one file. */
const part = (url, { x, y, side, words }) =>
  `<svg viewBox="${x} ${y} ${side} ${side}" role="img" aria-label="${escapeText(words)}"><image href="${escapeText(url)}"/></svg>`;

/** The ten pictures, each with what the network said of it, and the filters of the first layer. */
function pictures({ classes, record, parameters }, url) {
  const figures = record.answers.map((shares, n) => {
    const answer = classes[top(shares)];
    const isRight = answer === classes[n];
    const [x, y] = [SIDE * (n % PER_ROW), SIDE * Math.floor(n / PER_ROW)];
    const drawn = part(url, { x, y, side: SIDE, words: withArticle(classes[n]) });
    return (
      `<figure${isRight ? ' class="learn-right"' : ''}>${drawn}` +
      `<figcaption>${isRight ? '✓' : '≠'} ${escapeText(answer)}</figcaption></figure>`
    );
  });
  const [count, , side] = parameters[0].shape;
  const y = SIDE * Math.ceil(figures.length / PER_ROW);
  const filters = Array.from({ length: count }, (_, n) =>
    part(url, { x: side * n, y, side, words: `Filter ${n + 1} of the first layer` }),
  );
  return (
    `<div class="learn-shapes"><p class="learn-what">Shapes that it does not train on, and what it says</p><div class="learn-pictures">${figures.join('')}</div>` +
    `<p class="learn-what">The filters of the first layer</p><div class="learn-filters">${filters.join('')}</div></div>`
  );
}

/**
 * Return the slide as HTML on one line, which Markdown keeps.
 *
 * @param {any} lesson what static/learn/NAME.json holds
 * @param {string} file its name, as `static/…`
 * @param {string} assets where the page finds static/
 * @returns {string} HTML: a still of the recorded run, and in data where the script finds the rest
 * @throws {Error} when the file is of something else
 */
export function learn(lesson, file, assets) {
  const mistake = misfit(lesson, SHAPE);
  if (mistake) throw new Error(`${mistake}: python -m course.learning writes it anew`);
  const home = assets === SERVED ? '' : assets;
  const url = `${assets}/${file}`;
  const { record, training, title, network } = lesson;
  const { lr, momentum, batch } = lesson.settings.shapes;
  const { images, accuracy } = record.history.at(-1);
  const about =
    `${title}, ${whole(training.count)} drawn shapes, ${whole(images)} seen in all, rate ${lr}, ` +
    `momentum ${momentum}, batches of ${batch}: recorded with PyTorch ${record.torch} on ` +
    `${record.device}. In a browser this slide trains it before your eyes.`;
  const label = `Watch ${title} learn`;
  return (
    `<div class="live learn" role="group" aria-label="${label}" data-prevent-swipe data-network="${learns(network)}" data-learn="${escapeText(url)}">` +
    `<div class="live-still">${pictures(lesson, url.replace(/json$/, 'png'))}<div class="live-say">` +
    `<p class="live-verdict"><strong>${percent(accuracy)}</strong> right</p>` +
    `<div class="learn-charts" role="img" aria-label="Loss and accuracy of the recorded run">${charts(record.history)}</div>` +
    `<div class="live-foot"><p class="live-about">${escapeText(about)}</p></div>` +
    `<a class="live-start" href="${home}/live.html?network=${learns(network)}">Watch it learn</a></div></div></div>`
  );
}
