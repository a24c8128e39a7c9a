// Draws all recorded networks in one chart, accuracy against cost, with a table of the same values.

import { at, axes, mark, ticks, withTable } from './chart.mjs';
import { besidePoints, LINE, RADIUS } from './labels.mjs';
import { escapeText } from '../html.mjs';
import { show } from '../expand/values.mjs';

const SIZE = { width: 1000, height: 640 };
const PLOT = { left: 112, right: 900, top: 66, bottom: 560 };
// Names may stand beside the plot, and half over its upper edge.
const ROOM = { ...PLOT, right: SIZE.width, top: PLOT.top - LINE / 2 };

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const COUNTS = Array.from({ length: 16 }, (_, power) =>
  [1, 2, 5].map((n) => n * 10 ** power),
).flat();
const TIMES = [1, 10, 60, 600, 3600, 36_000, 360_000];
const COUNT = { format: 'millions', marks: COUNTS, markFormat: 'short' };
const TIME = { format: 'duration', marks: TIMES, markFormat: 'duration' };
/** What an accuracy can be set against: its value in a record, its names, how it is written. */
const COSTS = {
  parameters: { ...COUNT, of: ({ parameters }) => parameters, head: 'parameters' },
  macs: { ...COUNT, of: ({ macs }) => macs, head: 'MACs', axis: 'multiply-accumulates per image' },
  seconds: {
    ...TIME,
    of: ({ runs }) => median(runs.map((run) => run.seconds)),
    head: 'training',
    axis: 'training time',
  },
};

/** What stands in the table behind the names: over each column, and in it. */
const COLUMNS = [
  { cost: '', head: 'accuracy', write: ({ accuracy }) => show(accuracy, 'percent') },
  { cost: '', head: 'epochs', write: ({ record }) => show(record.recipe.epochs, 'integer') },
  ...Object.entries(COSTS).map(([cost, { head, of, format }]) => ({
    cost,
    head,
    write: ({ record }) => show(of(record), format),
  })),
];

/** The columns beside a chart: times only where they are what it is about. */
const columnsFor = (cost) =>
  COLUMNS.filter((column) => column.cost !== 'seconds' || cost === 'seconds');

/** A record with the parameters of the network that answers; auxiliary classifiers only help to train. */
export const answering = (facts, record) => ({
  ...record,
  parameters: facts[record.network]?.cifar10?.parameters ?? record.parameters,
});

/** What a network is called among networks that are all for CIFAR10, where the facts have it. */
export const shortName = (facts, network) =>
  facts[network]?.cifar10?.name.replace(/ for CIFAR10$/, '');

/** Draw a row's point, and how far its runs spread where that is more than the point covers. */
const drawPoint = ({ x, y, spread }) =>
  (spread > RADIUS
    ? `<path class="spread" d="M${at(x)} ${at(y - spread)}v${at(2 * spread)}` +
      `m-8 0h16m0 ${at(-2 * spread)}h-16"/>`
    : '') + `<circle class="point" cx="${at(x)}" cy="${at(y)}" r="${RADIUS}"/>`;

const drawLabel = ({ top, label, from, end, text }) =>
  (end ? `<path class="lead" d="M${at(from.x)} ${at(from.y)}L${at(end.x)} ${at(end.y)}"/>` : '') +
  `<text class="label" x="${at(text.x)}" y="${at(top + LINE - 8)}" text-anchor="${text.anchor}">${escapeText(label)}</text>`;

/**
 * Part off rows, fewer than half of them, whose accuracy is so far below the others' that, with them
 * in the chart, these could not be told apart.
 */
function partOff(rows) {
  const sorted = [...rows].sort((a, b) => b.accuracy.mean - a.accuracy.mean);
  const mean = (n) => sorted[n].accuracy.mean;
  const isFar = (n) => n > rows.length / 2 && mean(n - 1) - mean(n) > mean(0) - mean(n - 1);
  const cut = sorted.findIndex((_, n) => isFar(n));
  const far = cut < 0 ? [] : sorted.slice(cut);
  return { near: rows.filter((row) => !far.includes(row)), far };
}

/** Choose marks along a logarithmic axis: powers of ten alone, where there would be too many. */
function marksIn(marks, low, high) {
  const shown = marks.filter((value) => value >= low && value <= high);
  const isPower = (value) => Number.isInteger(Math.log10(value));
  return marks === COUNTS && shown.length > 5 ? shown.filter(isPower) : shown;
}

/** Draw the rows as points with their names. */
function draw(rows, cost) {
  const { marks, markFormat, format } = COSTS[cost];
  const { near, far } = partOff(rows);
  const costs = near.map((row) => row.cost);
  const [low, high] = [Math.min(...costs) / 1.6, Math.max(...costs) * 1.6]; // room beside the points
  const ends = near.flatMap(({ accuracy: { mean, std = 0 } }) => [mean - std, mean + std]);
  const shares = ticks(Math.min(...ends), Math.max(...ends), 6);
  const { x, y, grid } = axes(
    PLOT,
    {
      marks: marksIn(marks, low, high),
      write: (value) => show(value, markFormat),
      low,
      high,
      isLog: true,
    },
    { marks: shares, low: shares[0] - far.length * (shares[1] - shares[0]), write: mark },
  );
  const points = near.map(({ label, accuracy: { mean, std = 0 }, cost: value }) => ({
    label,
    x: x(value),
    y: y(mean),
    spread: y(mean) - y(mean + std),
  }));
  const below = far.map(
    ({ label, accuracy, cost: value }, n) =>
      `<text class="label" x="${PLOT.left + 12}" y="${PLOT.bottom - 14 - LINE * n}">↓ ` +
      `${escapeText(label)}, ${show(accuracy, 'percent')} at ${show(value, format)}</text>`,
  );
  const room = { ...ROOM, bottom: PLOT.bottom - LINE * far.length };
  return [
    ...grid,
    ...below,
    ...besidePoints(points, room).map(drawLabel),
    ...points.map(drawPoint),
  ];
}

/** Say how often each network was trained, and on what. */
function describe(rows, isTime) {
  const listed = (field) => [
    ...new Set(rows.flatMap(({ record }) => record.runs.map((run) => run[field]))),
  ];
  const several = rows.filter((row) => row.accuracy.n > 1);
  const counts = several.map((row) => `${row.label}: ${row.accuracy.n}`).join(', ');
  const [first, ...others] = new Set(rows.map((row) => row.accuracy.n));
  let spoken = `± standard deviation over several runs (${counts}), else one run`;
  if (others.length === 0) spoken = `± standard deviation over ${first} runs of each`;
  if (several.length === 0) spoken = 'one run each';
  const whereOf = ({ record: { runs } }) => `${runs[0].device}, ${runs[0].precision}`;
  // Times compare on one device only, so that there each network says on which.
  const places = isTime
    ? [...new Set(rows.map(whereOf))].map((where) => {
        const those = rows.filter((row) => whereOf(row) === where).map((row) => row.label);
        return those.length === rows.length ? where : `${where}: ${those.join(', ')}`;
      })
    : [[listed('device').join('; '), listed('precision').join(' or ')].join(', ')];
  return `${spoken}. Trained on ${places.join('; ')}.`;
}

/**
 * Draw records as points, and list them in a table.
 *
 * @param {{name: string, record: object}[]} entries what each is called, and its record
 * @param {string} key of the accuracy in a record: `mean`, and `std` of several runs
 * @param {string} cost macs, parameters or seconds
 * @returns {string} HTML without blank lines
 * @throws {Error} when there is no such cost, or no record
 */
export function compare(entries, key, cost) {
  if (!Object.hasOwn(COSTS, cost)) {
    throw new Error(`records compare by ${Object.keys(COSTS).join(', ')}, not by ${cost}`);
  }
  if (entries.length === 0) throw new Error(`no record has ${key}`);
  const { of, axis = cost } = COSTS[cost];
  const columns = columnsFor(cost);
  const datasets = entries.map(({ record }) => record.dataset);
  const count = (dataset) => datasets.filter((each) => each === dataset).length;
  const [usual] = [...datasets].sort((a, b) => count(b) - count(a));
  const rows = entries
    .map(({ name, record }) => ({
      // Results on different images do not compare, so those on others than most say on which.
      label: record.dataset === usual ? name : `${name} (${record.dataset})`,
      accuracy: record[key],
      cost: of(record),
      record,
    }))
    .sort((a, b) => a.cost - b.cost);
  const isMixed = count(usual) < datasets.length;
  const title = `Test accuracy, ${usual}${isMixed ? ' where not named' : ''}`;
  return withTable(
    'comparison',
    escapeText(title),
    { ...SIZE, right: PLOT.right, axis: `${axis}, log scale`, parts: draw(rows, cost) },
    {
      caption: escapeText(`${title}: ${describe(rows, cost === 'seconds')}`),
      heads: ['network', ...columns.map(({ head }) => head)],
      rows: rows.map((row) => ({
        cells: [escapeText(row.label), ...columns.map(({ write }) => write(row))],
      })),
    },
  );
}
