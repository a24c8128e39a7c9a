// Draws a search with two objectives: every network that it tried, and the front of the best ones.

import { ticks } from './curve.mjs';
import { show } from '../expand/values.mjs';

const WIDTH = 1000;
const HEIGHT = 680;
const PLOT = { left: 90, right: 980, top: 108, bottom: 600 };
const RADIUS = 8; // of a network on the front, px
const NAMES = { nsga2: 'NSGA-II', random: 'random search' };
const VOLUME =
  'Hypervolume: of all pairs of an error and a cost, the share that the front is better than.';
const STYLES = ['first', 'second']; // how searches differ: in color, in shape and in their dashes

const at = (number) => number.toFixed(1);

/** Return where errors and multiply-accumulates lie in the drawing, and what stands along its edges. */
function axes(trials) {
  const errors = trials.map((trial) => 100 * trial.error);
  const yTicks = ticks(Math.min(...errors), Math.max(...errors), 6);
  const xTicks = ticks(0, Math.max(...trials.map((trial) => trial.macs / 1e6)), 6);
  const x = (macs) => PLOT.left + ((PLOT.right - PLOT.left) * macs) / 1e6 / xTicks.at(-1);
  const y = (error) =>
    PLOT.bottom -
    ((PLOT.bottom - PLOT.top) * (100 * error - yTicks[0])) / (yTicks.at(-1) - yTicks[0]);
  const drawn = [
    ...yTicks.map(
      (tick) =>
        `<path class="grid" d="M${PLOT.left} ${at(y(tick / 100))}H${PLOT.right}"/>` +
        `<text x="${PLOT.left - 14}" y="${at(y(tick / 100) + 10)}" text-anchor="end">${tick}%</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<text x="${at(x(1e6 * tick))}" y="${PLOT.bottom + 38}" text-anchor="middle">${tick}</text>`,
    ),
    `<text x="${PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">million multiply-accumulates per image</text>`,
  ];
  return { x, y, drawn };
}

/** Return the trials that no other one dominates, from the lowest error to the fewest MACs. */
function frontOf(trials) {
  const sorted = [...trials].sort((a, b) => a.error - b.error || a.macs - b.macs);
  const least = (n) => Math.min(Infinity, ...sorted.slice(0, n).map((trial) => trial.macs));
  return sorted.filter((trial, n) => trial.macs < least(n));
}

/** Return the edge of all that a front dominates, as a path of steps across the plot. */
function stairs(trials, { x, y }) {
  const [first, ...rest] = frontOf(trials);
  // From each network up to the error of the next cheaper one: in between nothing better is known.
  const steps = rest.map((trial) => `V${at(y(trial.error))}H${at(x(trial.macs))}`);
  return `M${PLOT.right} ${at(y(first.error))}H${at(x(first.macs))}${steps.join('')}V${PLOT.top}`;
}

/** Draw one network: a disc for the first search, a square for the second. */
function mark(trial, style, kind, { x, y }) {
  const [left, top] = [x(trial.macs), y(trial.error)];
  const size = kind === 'dominated' ? RADIUS - 2 : RADIUS;
  return style === 'first'
    ? `<circle class="trial ${style} ${kind}" cx="${at(left)}" cy="${at(top)}" r="${size}"/>`
    : `<rect class="trial ${style} ${kind}" x="${at(left - size)}" y="${at(top - size)}" width="${2 * size}" height="${2 * size}"/>`;
}

function table(caption, heads, rows) {
  return [
    '<table>',
    `<caption>${caption}</caption>`,
    `<thead><tr>${heads.map((head, n) => `<th scope="col"${n ? ' class="count"' : ''}>${head}</th>`).join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map(
      ({ cells: [name, ...cells], step }) =>
        `<tr${step ? ` class="fragment" data-fragment-index="${step}"` : ''}><th scope="row">${name}</th>` +
        `${cells.map((cell) => `<td class="count">${cell}</td>`).join('')}</tr>`,
    ),
    '</tbody>',
    '</table>',
  ];
}

const page = (title, drawn, lines) =>
  [
    '<div class="comparison search">',
    // The table says the same to who cannot see the chart.
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="xMinYMin" aria-hidden="true">`,
    `<text class="title" x="0" y="28">${title}</text>`,
    ...drawn,
    '</svg>',
    ...lines,
    '</div>',
  ].join('\n');

/** Return the name that an audience knows a search by, from the last part of its key. */
const nameOf = (key) => NAMES[key.split('.').at(-1)] ?? key;

/**
 * Draw one or two searches: all networks, and the edge of what each front dominates.
 *
 * @param {object} record of a search: `dataset`, `images` and what the keys lead to
 * @param {{key: string, search: object}[]} searches each with `trials`, `hypervolume`, `trained`,
 *   `seconds`
 * @param {string | undefined} word `generations`: one search, stepped by its generations
 * @param {(text: string) => string} escape makes text safe for HTML and Markdown
 * @returns {string} HTML without blank lines
 * @throws {Error} when there is nothing to draw, or too much
 */
export function front(record, searches, word, escape) {
  const most = word === 'generations' ? 1 : STYLES.length;
  if (searches.length < 1 || searches.length > most) {
    throw new Error(`front ${word ?? ''}`.trim() + ` draws at most ${most} of the searches`);
  }
  for (const { key, search } of searches) {
    if (!Array.isArray(search?.trials) || search.trials.length === 0) {
      throw new Error(`${key} is no search: it has no trials`);
    }
  }
  const place = axes(searches.flatMap(({ search }) => search.trials));
  const title = `Validation error, ${escape(record.dataset)}`;
  const how =
    `Each network trained on ${show(record.images.training, 'integer')} images, ` +
    `and measured on ${show(record.images.validation, 'integer')} others.`;
  return word === 'generations'
    ? byGeneration(searches[0].search, place, title, how)
    : together(searches, place, title, how);
}

function byGeneration({ trials, hypervolume }, place, title, how) {
  const generations = hypervolume.map((volume, generation) => {
    const sofar = trials.filter((trial) => trial.generation <= generation);
    return {
      volume,
      sofar,
      own: trials.filter((trial) => trial.generation === generation),
      fresh: (0.3 + (0.7 * (generation + 1)) / hypervolume.length).toFixed(2),
    };
  });
  const drawn = generations.map(({ own, sofar, fresh }, generation) => {
    const step = generation > 0 ? ` class="fragment" data-fragment-index="${generation}"` : '';
    const marks = own.map((trial) => mark(trial, 'first', 'front', place)).join('');
    return `<g${step}><g opacity="${fresh}"><path class="edge first" d="${stairs(sofar, place)}"/>${marks}</g></g>`;
  });
  const rows = generations.map(({ volume, sofar }, generation) => ({
    cells: [
      generation + 1,
      frontOf(sofar).length,
      show(Math.min(...sofar.map((trial) => trial.error)), 'percent'),
      show(volume, 'decimals 3'),
    ],
    step: generation,
  }));
  return page(
    title,
    [...place.drawn, ...drawn],
    table(`${how} ${VOLUME}`, ['generation', 'front', 'least error', 'hypervolume'], rows),
  );
}

function together(searches, place, title, how) {
  const drawn = searches.flatMap(({ search: { trials } }, n) => {
    const best = new Set(frontOf(trials));
    const marks = trials.map((trial) =>
      mark(trial, STYLES[n], best.has(trial) ? 'front' : 'dominated', place),
    );
    return [`<path class="edge ${STYLES[n]}" d="${stairs(trials, place)}"/>`, ...marks];
  });
  const key = searches.map(({ key: name }, n) => {
    const [left, top] = [PLOT.left + 34 + 270 * n, 70]; // in the plot it would hide networks
    const shape =
      n === 0
        ? `<circle class="trial first front" cx="${left}" cy="${top}" r="${RADIUS}"/>`
        : `<rect class="trial second front" x="${left - RADIUS}" y="${top - RADIUS}" width="${2 * RADIUS}" height="${2 * RADIUS}"/>`;
    return (
      `<path class="edge ${STYLES[n]}" d="M${left - 34} ${top}H${left + 34}"/>${shape}` +
      `<text class="label" x="${left + 46}" y="${top + 11}">${nameOf(name)}</text>`
    );
  });
  const rows = searches.map(({ key: name, search }) => ({
    cells: [
      nameOf(name),
      search.trained,
      show(Math.min(...search.trials.map((trial) => trial.error)), 'percent'),
      show(search.hypervolume.at(-1), 'decimals 3'),
    ],
  }));
  return page(
    title,
    [...place.drawn, ...drawn, ...key],
    table(
      `${how} One search each, of ${searches[0].search.trials.length} trials. ${VOLUME}`,
      ['search', 'trained', 'least error', 'hypervolume'],
      rows,
    ),
  );
}
