// What networks say to a picture: ten bars for one network, a row each for several.

import { make } from './dom.js';
import { agreement, millions, percent, time, top, whole } from './words.js';

const MOST_BARS = 10;

/** The classes to show: all in their order, or of very many the ten most probable. */
function shownClasses(probabilities) {
  const all = probabilities.map((_, n) => n);
  if (all.length <= MOST_BARS) return all;
  return all.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, MOST_BARS);
}

const bar = (share) =>
  make('span.live-bar', { style: `--share: ${(100 * share).toFixed(2)}%`, 'aria-hidden': 'true' });

/** The bars of one network's answer, the largest marked. */
export function bars({ classes, probabilities }) {
  const largest = top(probabilities);
  const rows = shownClasses(probabilities).map((n) =>
    make(
      n === largest ? 'li.live-top' : 'li',
      {},
      make('span.live-class', {}, classes[n]),
      bar(probabilities[n]),
      make('span.live-share', {}, percent(probabilities[n])),
    ),
  );
  return make('ol.live-bars', {}, ...rows);
}

/** The class that a network takes the picture for. */
export const best = ({ classes, probabilities }) => classes[top(probabilities)];

/** One network's answer in a line. */
export const verdict = ({ classes, probabilities, milliseconds }) => {
  const largest = top(probabilities);
  return [
    make('strong', {}, classes[largest]),
    make('span.live-sure', {}, percent(probabilities[largest])),
    make('span.live-time', {}, `in ${time(milliseconds)}`),
  ];
};

/** Several networks' answers in a line. */
export const commonVerdict = (networks) => {
  const answers = networks.map((network) => ({ title: network.title, answer: best(network) }));
  return [make('strong', {}, agreement(answers).sentence)];
};

function row(network, common) {
  const { title, parameters, macs, probabilities, milliseconds, trouble } = network;
  const cost = [
    make('td.count', {}, whole(parameters)),
    make('td.count', {}, millions(macs)),
    make('td.count', {}, probabilities ? time(milliseconds) : ''),
  ];
  if (!probabilities) {
    const said = trouble ?? '…';
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, title),
      make('td', { colspan: 2 }, said),
      ...cost,
    );
  }
  const answer = best(network);
  const differs = common !== undefined && answer !== common;
  const share = Math.max(...probabilities);
  return make(
    differs ? 'tr.live-differs' : 'tr',
    {},
    make('th', { scope: 'row' }, title),
    make('td', {}, differs ? `≠ ${answer}` : answer),
    make('td.live-surety', {}, bar(share), make('span.live-share', {}, percent(share))),
    ...cost,
  );
}

/** A table of several networks; those that say something else than most are marked. */
export function side(networks) {
  const done = networks.filter(({ probabilities }) => probabilities);
  const answers = done.map((network) => ({ title: network.title, answer: best(network) }));
  const common = answers.length > 0 ? agreement(answers).common : undefined;
  const heads = ['network', 'says', 'how sure'].map((head) => make('th', { scope: 'col' }, head));
  const counts = ['parameters', 'MACs', 'time'].map((head) =>
    make('th.count', { scope: 'col' }, head),
  );
  return make(
    'table.live-side',
    {},
    make('thead', {}, make('tr', {}, ...heads, ...counts)),
    make('tbody', {}, ...networks.map((network) => row(network, common))),
  );
}
