// Draws all recorded networks in one chart, accuracy against cost, with a table of the same values.

import { at, axes, mark, ticks, withTable } from './chart.mjs';
import { besidePoints, LINE, RADIUS } from './labels.mjs';
import { escapeText } from '../html.mjs';
import { show } from '../expand/values.mjs';

const SIZE = { width: 1000, height: 640 };
const PLOT = { left: 90, right: 900, top: 66, bottom: 560 };
// Names may stand beside the plot, and half over its upper edge.
const ROOM = { ...PLOT, right: SIZE.width, top: PLOT.top - LINE / 2 };

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const POWERS = Array.from({ length: 16 }, (_, power) => 10 ** power);
const TIMES = [1, 10, 60, 600, 3600, 36_000, 360_000];
const COUNT = { format: 'millions', marks: POWERS, markFormat: 'short' };
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

/** The columns of the table behind that of the networks: what stands over each, and in it. */
const COLUMNS = [
  { head: 'accuracy', write: ({ accuracy }) => show(accuracy, 'percent') },
  ...Object.values(COSTS).map(({ head, of, format }) => ({
    head,
    write: ({ record }) => show(of(record), format),
  })),
];

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

/** Draw the rows as points with their names. */
function draw(rows, cost) {
  const { marks, markFormat } = COSTS[cost];
  const costs = rows.map((row) => row.cost);
  const [low, high] = [Math.min(...costs) / 2, Math.max(...costs) * 2]; // room beside the points
  const shown = marks.filter((value) => value >= low && value <= high);
  const ends = rows.flatMap(({ accuracy: { mean, std } }) => [mean - std, mean + std]);
  const { x, y, grid } = axes(
    PLOT,
    { marks: shown, write: (value) => show(value, markFormat), low, high, isLog: true },
    { marks: ticks(Math.min(...ends), Math.max(...ends), 6), write: mark },
  );
  const points = rows.map(({ label, accuracy: { mean, std, n }, cost: value }) => ({
    label,
    x: x(value),
    y: y(mean),
    spread: n > 1 ? y(mean) - y(mean + std) : 0,
  }));
  return [...grid, ...besidePoints(points, ROOM).map(drawLabel), ...points.map(drawPoint)];
}

/** Say how often each network was trained, and on what: times compare on one device. */
function describe(rows) {
  const several = rows.filter((row) => row.accuracy.n > 1);
  const counts = several.map((row) => `${row.label}: ${row.accuracy.n}`).join(', ');
  const spoken = counts
    ? `± standard deviation over several runs (${counts}), else one run`
    : 'one run each';
  const whereOf = ({ record: { runs } }) => `${runs[0].device}, ${runs[0].precision}`;
  const places = [...new Set(rows.map(whereOf))].map((where) => {
    const those = rows.filter((row) => whereOf(row) === where).map((row) => row.label);
    return those.length === rows.length ? where : `${where}: ${those.join(', ')}`;
  });
  return `${spoken}. Trained on ${places.join('; ')}.`;
}

/**
 * Draw records as points, and list them in a table.
 *
 * @param {{name: string, record: object}[]} entries what each is called, and its record
 * @param {string} key of the accuracy in a record: `mean`, `std` and `n`
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
      caption: escapeText(`${title}: ${describe(rows)}`),
      heads: ['network', ...COLUMNS.map(({ head }) => head)],
      rows: rows.map((row) => ({
        cells: [escapeText(row.label), ...COLUMNS.map(({ write }) => write(row))],
      })),
    },
  );
}
