// Writes a network as a table: one row a stage, with what it puts out and what it costs.

import { escapeText } from '../html.mjs';
import { show } from './values.mjs';

const nbsp = '\u00a0';
// "custom": reveal.js hides no step that has a look of its own.
const MARKED = ' class="marked fragment custom" data-fragment-index="0"';
const SHAPE_FIELDS = ['input', 'output'];

function checked(net, key) {
  const isShape = (shape) => Array.isArray(shape) && shape.length > 0 && shape.every(isCount);
  const isCount = (value) => Number.isInteger(value) && value >= 0;
  const wrong = (what) => new Error(`${key} is no network of layers: ${what}`);
  if (typeof net?.name !== 'string') throw wrong('it has no name');
  if (!Array.isArray(net.stages) || net.stages.length === 0) throw wrong('it has no stages');
  for (const part of [net, ...net.stages]) {
    for (const field of SHAPE_FIELDS) {
      if (field in part && !isShape(part[field])) {
        throw wrong(`${field} of ${part.name} is not a list of whole numbers`);
      }
    }
  }
  for (const field of ['parameters', 'macs']) {
    const bad = [net, ...net.stages].find((part) => !isCount(part[field]));
    if (bad !== undefined) throw wrong(`${field} of ${bad.name} is not a whole number`);
    const sum = net.stages.reduce((total, stage) => total + stage[field], 0);
    if (sum !== net[field]) {
      throw wrong(`the ${field} of its stages sum to ${sum}, not to ${net[field]}`);
    }
  }
  return net;
}

const shape = (sizes) => sizes.join(' × ');

/** Write "2 x conv 3x3" as the figures do, with signs of multiplication. */
const typeset = (kind) => kind.replace(/(?<=\d)x(?=\d)/g, '×').replace(/(?<=(^|, )\d+) x /g, ' × ');

/** Write counts in millions, all of a column with the digits that suit their total. */
function inMillions(total) {
  const digits = [1e7, 1e8, 1e9].filter((limit) => total < limit).length;
  const least = 10 ** -digits;
  return (count) => {
    if (count === 0) return '0';
    const millions = count / 1e6;
    return millions < least / 2
      ? `<${nbsp}${least.toFixed(digits)}`
      : millions.toLocaleString('en-US', {
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
        });
  };
}

/**
 * Write a network's stages as an HTML table, without blank lines, so that Markdown keeps it.
 *
 * @param {object} net `name`, `input` (its shape without the batch), `parameters`, `macs` and
 *   `stages`, each with `name`, `kind`, `output` (a shape), `parameters` and `macs`
 * @param {string} key where it comes from, for messages
 * @param {string[]} [marked] names of stages that a step of the slide marks
 * @returns {string} HTML
 * @throws {Error} when a field is missing, the stages do not sum to the network, or there is no such
 *   stage
 */
export function layers(net, key, marked = []) {
  const {
    name,
    input,
    stages,
    parameters,
    macs,
    auxiliary_parameters: auxiliary,
  } = checked(net, key);
  const names = stages.map((stage) => stage.name);
  const unknown = marked.find((each) => !names.includes(each));
  if (unknown !== undefined) {
    throw new Error(`${key} has no stage ${unknown}; it has ${[...new Set(names)].join(', ')}`);
  }
  const whole = (count) => show(count, 'integer');
  const million = inMillions(macs);
  // The bar repeats the number beside it, for the eye alone.
  const cell = (shown, part, total) =>
    `<td class="count"><span class="share" style="--share:${((100 * part) / (total || 1)).toFixed(1)}%"></span>${escapeText(shown)}</td>`;
  const rows = stages.map(
    (stage) =>
      `<tr${marked.includes(stage.name) ? MARKED : ''}><th scope="row">${escapeText(stage.name)}</th><td>${escapeText(typeset(stage.kind ?? ''))}</td>` +
      `<td>${shape(stage.output)}</td>` +
      cell(whole(stage.parameters), stage.parameters, parameters) +
      `${cell(million(stage.macs), stage.macs, macs)}</tr>`,
  );
  const more = auxiliary
    ? `; its auxiliary classifiers, which only training uses, have ${whole(auxiliary)} parameters more`
    : '';
  return [
    '<table class="layers">',
    `<caption>${escapeText(name)}, input ${shape(input)}${more}</caption>`,
    '<thead><tr><th scope="col">stage</th><th scope="col">layers</th><th scope="col">output</th>' +
      '<th scope="col" class="count">parameters</th>' +
      '<th scope="col" class="count">million MACs</th></tr></thead>',
    `<tbody>${rows.join('\n')}</tbody>`,
    '<tfoot><tr><th scope="row">in all</th><td></td><td></td>' +
      `<td class="count">${whole(parameters)}</td>` +
      `<td class="count">${million(macs)}</td></tr></tfoot>`,
    '</table>',
  ].join('\n');
}
