// Draws a search with two objectives: every network that it tried, and the front of the best ones.

import { at, axes, fragment, mark, ticks, withTable } from './chart.mjs';
import { escapeText } from '../html.mjs';
import { show } from '../expand/values.mjs';

const SIZE = { width: 1000, height: 680 };
const PLOT = { left: 90, right: 980, top: 108, bottom: 600 };
const RADIUS = 8; // of a network on the front, px
const NAMES = { nsga2: 'NSGA-II', random: 'random search' };
const VOLUME =
  'Hypervolume: of all pairs of an error and a cost, the share that the front is better than.';
const STYLES = ['first', 'second']; // how searches differ: in color, in shape and in their dashes

/** Return where errors and multiply-accumulates lie in the drawing, and what stands along its edges. */
function place(trials) {
  const errors = trials.map((trial) => trial.error);
  const macs = ticks(0, Math.max(...trials.map((trial) => trial.macs)), 6);
  return axes(
    PLOT,
    { marks: macs, write: (value) => String(value / 1e6) },
    { marks: ticks(Math.min(...errors), Math.max(...errors), 6), write: mark },
  );
}

/** Return the trials that no other one dominates, from the lowest error to the fewest MACs. */
function frontOf(trials) {
  const sorted = [...trials].sort((a, b) => a.error - b.error || a.macs - b.macs);
  const least = (n) => Math.min(Infinity, ...sorted.slice(0, n).map((trial) => trial.macs));
  return sorted.filter((trial, n) => trial.macs < least(n));
}

const leastError = (trials) => Math.min(...trials.map((trial) => trial.error));

/** Return the edge of all that a front dominates, as a path of steps across the plot. */
function stairs(trials, { x, y }) {
  const [first, ...rest] = frontOf(trials);
  // From each network up to the error of the next cheaper one: in between nothing better is known.
  const steps = rest.map((trial) => `V${at(y(trial.error))}H${at(x(trial.macs))}`);
  return `M${PLOT.right} ${at(y(first.error))}H${at(x(first.macs))}${steps.join('')}V${PLOT.top}`;
}

/** Draw one network: a disc for the first search, a square for the second. */
function dot([left, top], style, kind) {
  const size = kind === 'dominated' ? RADIUS - 2 : RADIUS;
  return style === 'first'
    ? `<circle class="trial ${style} ${kind}" cx="${at(left)}" cy="${at(top)}" r="${size}"/>`
    : `<rect class="trial ${style} ${kind}" x="${at(left - size)}" y="${at(top - size)}" width="${2 * size}" height="${2 * size}"/>`;
}

const page = (title, parts, table) =>
  withTable(
    'comparison search',
    title,
    { ...SIZE, right: PLOT.right, axis: 'million multiply-accumulates per image', parts },
    table,
  );

const samplerOf = (key) => key.split('.').at(-1);

/** Return the name that an audience knows a search by, from the last part of its key. */
const nameOf = (key) => NAMES[samplerOf(key)] ?? escapeText(key);

/**
 * Draw one or two searches: all networks, and the edge of what each front dominates.
 *
 * @param {object} record of a search: `dataset`, `images` and what the keys lead to
 * @param {{key: string, search: object}[]} searches each with `trials`, `hypervolume`, `trained`,
 *   `seconds`
 * @param {string | undefined} word `generations`: one search, stepped by its generations
 * @returns {string} HTML without blank lines
 * @throws {Error} when there is nothing to draw, or too much
 */
export function front(record, searches, word) {
  const most = word === 'generations' ? 1 : STYLES.length;
  if (searches.length < 1 || searches.length > most) {
    throw new Error(`front ${word ?? ''}`.trim() + ` draws at most ${most} of the searches`);
  }
  for (const { key, search } of searches) {
    if (!Array.isArray(search?.trials) || search.trials.length === 0) {
      throw new Error(`${key} is no search: it has no trials`);
    }
  }
  const others = (record.repeats ?? []).flatMap((each) => Object.values(each.searches));
  const drawn = word === 'generations' ? [] : others;
  const axis = place(
    [...searches.map(({ search }) => search), ...drawn].flatMap(({ trials }) => trials),
  );
  const title = `Validation error, ${escapeText(record.dataset)}`;
  const how =
    `Each network trained on ${show(record.images.training, 'integer')} images, ` +
    `and measured on ${show(record.images.validation, 'integer')} others.`;
  return word === 'generations'
    ? byGeneration(searches[0].search, axis, title, how)
    : together(record, searches, axis, title, how);
}

function byGeneration({ trials, hypervolume }, { x, y, grid }, title, how) {
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
    const dots = own.map(({ macs, error }) => dot([x(macs), y(error)], 'first', 'front')).join('');
    return `<g${fragment(generation)}><g opacity="${fresh}"><path class="edge first" d="${stairs(sofar, { x, y })}"/>${dots}</g></g>`;
  });
  return page(title, [...grid, ...drawn], {
    caption: `${how} ${VOLUME}`,
    heads: ['generation', 'front', 'least error', 'hypervolume'],
    rows: generations.map(({ volume, sofar }, generation) => ({
      cells: [
        generation + 1,
        frontOf(sofar).length,
        show(leastError(sofar), 'percent'),
        show(volume, 'decimals 3'),
      ],
      step: generation,
    })),
  });
}

function together(record, searches, { x, y, grid }, title, how) {
  const { repeats = [], over_seeds: spreads = {} } = record;
  const drawn = searches.flatMap(({ key: name, search: { trials } }, n) => {
    const others = repeats.map((each) => each.searches[samplerOf(name)]?.trials ?? trials);
    const edges = others.map(
      (each) => `<path class="edge other ${STYLES[n]}" d="${stairs(each, { x, y })}"/>`,
    );
    const best = new Set(frontOf(trials));
    const dots = trials.map((trial) =>
      dot([x(trial.macs), y(trial.error)], STYLES[n], best.has(trial) ? 'front' : 'dominated'),
    );
    return [...edges, `<path class="edge ${STYLES[n]}" d="${stairs(trials, { x, y })}"/>`, ...dots];
  });
  const key = searches.map(({ key: name }, n) => {
    const [left, top] = [PLOT.left + 34 + 270 * n, 70]; // in the plot it would hide networks
    return (
      `<path class="edge ${STYLES[n]}" d="M${left - 34} ${top}H${left + 34}"/>` +
      dot([left, top], STYLES[n], 'front') +
      `<text class="label" x="${left + 46}" y="${top + 11}">${nameOf(name)}</text>`
    );
  });
  return page(title, [...grid, ...drawn, ...key], {
    caption: `${how} ${searches[0].search.trials.length} trials in a search. ${seeds(repeats)}${VOLUME}`,
    heads: [
      'search',
      repeats.length ? 'trained (first seed)' : 'trained',
      'least error',
      'hypervolume',
    ],
    rows: searches.map(({ key: name, search }) => ({
      cells: [
        nameOf(name),
        search.trained,
        show(spreads[samplerOf(name)]?.least_error ?? leastError(search.trials), 'percent'),
        show(spreads[samplerOf(name)]?.hypervolume ?? search.hypervolume.at(-1), 'decimals 3'),
      ],
    })),
  });
}

/** What the thin lines are, and the numbers behind ±. */
const seeds = (repeats) =>
  repeats.length === 0
    ? ''
    : `Thin lines: the same with ${repeats.length} other seeds; mean ± standard deviation of all. `;
