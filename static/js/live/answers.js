// What networks say to a picture: ten bars for one network, a row each for several.

import { make } from './dom.js';
import {
  agreement,
  labelFor,
  millions,
  percent,
  settingsOf,
  time,
  top,
  training,
  whole,
} from './words.js';

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

/**
 * @typedef {import('./widget.js').Shown} Shown
 * @typedef {[head: string, cell: string, tell: (network: Shown) => any[]]} Column after the answer
 */

/** @type {Column[]} */
const COSTS = [
  ['how sure', 'td.live-surety', ({ probabilities = [] }) => surety(Math.max(...probabilities))],
  ['parameters', 'td.count', ({ parameters }) => [whole(parameters)]],
  ['MACs', 'td.count', ({ macs }) => [millions(macs)]],
  ['time', 'td.count', ({ milliseconds: ms }) => [ms === undefined ? '' : time(ms)]],
];

/** Whether some networks make a class's board. */
export const isBoard = (networks) => networks.filter(({ isOwn }) => isOwn).length > 1;

/** What a class's board tells: of each network its score, and how it was trained. */
function board(networks) {
  const settings = settingsOf(networks);
  /** @type {Column[]} */
  const columns = [
    ['samples', 'td.count', ({ score }) => [score ? `${score.right} of ${score.count}` : '']],
    ['trained on', 'td.live-training', (network) => [training(network, settings)]],
  ];
  return columns;
}

/** @param {Shown} network @param {{common?: string, label?: string}} known @param {Column[]} columns */
function row(network, { common, label }, columns) {
  const { title, probabilities, trouble } = network;
  const head = make('th', { scope: 'row' }, title);
  const cells = columns.map(([, cell, tell]) => make(cell, ...tell(network)));
  if (!probabilities) {
    return make('tr', head, make('td', { colspan: 2 }, trouble ?? '…'), ...cells.slice(1));
  }
  const answer = best(network);
  const differs = common !== undefined && answer !== common;
  const judged = judgement(network, label);
  const says = make('td', answer, ...(judged ? [' ', make(`span.live-is-${judged}`, judged)] : []));
  return make(differs ? 'tr.live-differs' : 'tr', head, says, ...cells);
}

/**
 * A table of several networks; those that are wrong, or else those unlike most, are marked.
 */
export function side(networks, label) {
  const known = { common: agreed(networks, label)?.common, label };
  const columns = isBoard(networks) ? board(networks.filter(({ isOwn }) => isOwn)) : COSTS;
  const heads = [['network', 'td'], ['says', 'td'], ...columns].map(([head, cell]) =>
    make(cell.replace('td', 'th'), { scope: 'col' }, head),
  );
  return make(
    networks.length > MOST_ROWS ? 'table.live-side.live-many' : 'table.live-side',
    { style: `--rows: ${networks.length}` },
    make('thead', make('tr', ...heads)),
    make('tbody', ...networks.map((network) => row(network, known, columns))),
  );
}
