// What networks say to a picture: ten bars for one network, a row each for several.

import { make } from './dom.js';
import { agreement, labelFor, millions, percent, time, top, whole } from './words.js';

const MOST_BARS = 10;
const MOST_ROWS = 7; // that have room for gaps

/** The classes to show: all in their order, or of very many the ten most probable. */
export function shownClasses(probabilities) {
  const all = probabilities.map((_, n) => n);
  if (all.length <= MOST_BARS) return all;
  return all.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, MOST_BARS);
}

/** A probability as a bar, and in digits. */
const surety = (share) => [
  make('span.live-bar', { style: `--share: ${(100 * share).toFixed(2)}%`, 'aria-hidden': 'true' }),
  make('span.live-share', percent(share)),
];

/** The bars of one network's answer, the largest marked. */
export function bars(network) {
  const { classes, probabilities } = network;
  const largest = top(probabilities);
  const rows = shownClasses(probabilities).map((n) => {
    const name = make('span.live-class', classes[n]);
    return make(n === largest ? 'li.live-top' : 'li', name, ...surety(probabilities[n]));
  });
  return make('ol.live-bars', ...rows);
}

/** The class that a network takes the picture for, and how sure it is. */
const best = (network) => network.classes[top(network.probabilities)];
const sure = (network) => percent(Math.max(...network.probabilities));

/** Whether a network is right, in a word; nothing of a picture whose class it does not have. */
function judgement(network, label) {
  if (labelFor(label, [network]) === undefined) return undefined;
  return best(network) === label ? 'right' : 'wrong';
}

/** One network's answer in a line. */
export function verdict(network, label) {
  const judged = judgement(network, label);
  return [
    make('strong', best(network)),
    make('span.live-sure', sure(network)),
    ...(judged ? [make(`span.live-is-${judged}`, judged)] : []),
    make('span.live-time', `in ${time(network.milliseconds)}`),
  ];
}

/** The same, to be heard. */
export function spoken(network, label) {
  const judged = judgement(network, label);
  return `${network.title}: ${best(network)}, ${sure(network)}${judged ? `, ${judged}` : ''}`;
}

/** What those networks say that have answered, and how far they agree; undefined where none has. */
function agreed(networks, label) {
  const done = networks.filter(({ probabilities }) => probabilities);
  const answers = done.map((network) => ({ answer: best(network) }));
  return answers.length > 0 ? agreement(answers, labelFor(label, done)) : undefined;
}

/** Several networks' answers in a line; none before the first answer. */
export const commonVerdict = (networks, label) => agreed(networks, label)?.sentence;

/** @param {import('./widget.js').Shown} network @param {{common?: string, label?: string}} known */
function row(network, { common, label }) {
  const { title, parameters, macs, probabilities, milliseconds, trouble } = network;
  const head = make('th', { scope: 'row' }, title);
  const costs = [whole(parameters), millions(macs), probabilities ? time(milliseconds) : ''];
  const cost = costs.map((told) => make('td.count', told));
  if (!probabilities) return make('tr', head, make('td', { colspan: 2 }, trouble ?? '…'), ...cost);
  const answer = best(network);
  const differs = common !== undefined && answer !== common;
  const judged = judgement(network, label);
  const says = make('td', answer, ...(judged ? [' ', make(`span.live-is-${judged}`, judged)] : []));
  const share = make('td.live-surety', ...surety(Math.max(...probabilities)));
  return make(differs ? 'tr.live-differs' : 'tr', head, says, share, ...cost);
}

/** A table of several networks; those that are wrong, or else those unlike most, are marked. */
export function side(networks, label) {
  const known = { common: agreed(networks, label)?.common, label };
  const head = (tag) => (name) => make(tag, { scope: 'col' }, name);
  const heads = ['network', 'says', 'how sure'].map(head('th'));
  const counts = ['parameters', 'MACs', 'time'].map(head('th.count'));
  return make(
    networks.length > MOST_ROWS ? 'table.live-side.live-many' : 'table.live-side',
    make('thead', make('tr', ...heads, ...counts)),
    make('tbody', ...networks.map((network) => row(network, known))),
  );
}
