// Draws all recorded networks in one chart, accuracy against cost, with a table of the same values.

import { ticks } from './curve.mjs';
import { show } from './values.mjs';

const WIDTH = 1120;
const HEIGHT = 640;
const PLOT = { left: 90, right: 960, top: 66, bottom: 560 };
const RADIUS = 9; // of a point; a spread that is smaller stands in the table alone
const LINE = 36; // height of a label, px
const LETTER = 18; // width of a letter, px: a generous guess at Lato's

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** What an accuracy can be set against: the value of a record, its name, and how it is written. */
const COSTS = {
  macs: {
    of: (record) => record.macs,
    axis: 'multiply-accumulates an image',
    head: 'MACs',
    format: 'millions',
  },
  parameters: {
    of: (record) => record.parameters,
    axis: 'parameters',
    head: 'parameters',
    format: 'millions',
  },
  seconds: {
    of: (record) => median(record.runs.map((run) => run.seconds)),
    axis: 'training time',
    head: 'training',
    format: 'duration',
  },
};

const SECONDS = [1, 10, 60, 600, 3600, 36_000, 360_000];

/** Return the powers of ten around some values; of times, the round ones between. */
function logTicks(values, isTime) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 16 }, (_, power) => 10 ** power);
  const marks = isTime ? SECONDS : powers;
  const from = Math.max(
    0,
    marks.findLastIndex((mark) => mark <= low),
  );
  const to = marks.findIndex((mark) => mark >= high);
  return marks.slice(from, Math.max(to, from + 1) + 1);
}

const overlap = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Give each point a label where it covers neither another's label nor a point, if there is room. */
function placeLabels(points) {
  const taken = points.map(({ x, y, spread }) => ({
    left: x - 12,
    right: x + 12,
    top: y - Math.max(12, spread),
    bottom: y + Math.max(12, spread),
  }));
  return points.map(({ x, y, label, spread }) => {
    const width = label.length * LETTER;
    const beyond = Math.max(16, spread + 6);
    const candidates = [
      { left: x + 18, top: y - LINE / 2 },
      { left: x - 18 - width, top: y - LINE / 2 },
      { left: x - width / 2, top: y - beyond - LINE },
      { left: x - width / 2, top: y + beyond },
      { left: x + 14, top: y - beyond - LINE },
      { left: x + 14, top: y + beyond },
    ].map((box) => ({ ...box, right: box.left + width, bottom: box.top + LINE }));
    const isFree = (box) =>
      box.left >= PLOT.left &&
      box.right <= WIDTH &&
      box.top >= PLOT.top - LINE / 2 &&
      box.bottom <= PLOT.bottom &&
      !taken.some((other) => overlap(box, other));
    const box = candidates.find(isFree) ?? candidates[0];
    taken.push(box);
    return { ...box, label };
  });
}

/**
 * Draw records as points, and list them in a table.
 *
 * @param {{name: string, record: object}[]} entries what each is called, and its record
 * @param {string} key of the accuracy in a record: `mean`, `std` and `n`
 * @param {string} cost macs, parameters or seconds
 * @param {(text: string) => string} escape makes text safe for HTML and Markdown
 * @returns {string} HTML without blank lines
 * @throws {Error} when there is no such cost, or no record
 */
export function compare(entries, key, cost, escape) {
  if (!Object.hasOwn(COSTS, cost)) {
    throw new Error(`records compare by ${Object.keys(COSTS).join(', ')}, not by ${cost}`);
  }
  if (entries.length === 0) throw new Error(`no record has ${key}`);
  const { of, axis, head, format } = COSTS[cost];
  const datasets = [...new Set(entries.map(({ record }) => record.dataset))];
  const rows = entries
    .map(({ name, record }) => ({
      // Results on different images do not compare, so each says which are its own.
      label: datasets.length > 1 ? `${name}, ${record.dataset}` : name,
      accuracy: record[key],
      cost: of(record),
      device: record.runs[0].device,
    }))
    .sort((a, b) => a.cost - b.cost);

  const xTicks = logTicks(
    rows.map((row) => row.cost),
    cost === 'seconds',
  );
  const ends = rows.flatMap(({ accuracy: { mean, std } }) => [
    100 * (mean - std),
    100 * (mean + std),
  ]);
  const yTicks = ticks(Math.min(...ends), Math.max(...ends), 6);
  const [first, last] = [Math.log(xTicks[0]), Math.log(xTicks.at(-1))];
  const x = (value) =>
    PLOT.left + ((PLOT.right - PLOT.left) * (Math.log(value) - first)) / (last - first);
  const height = (PLOT.bottom - PLOT.top) / (yTicks.at(-1) - yTicks[0]);
  const y = (value) => PLOT.bottom - height * (value - yTicks[0]);
  const at = (number) => number.toFixed(1);

  const points = rows.map(({ label, accuracy: { mean, std, n }, cost: value }) => ({
    label,
    x: x(value),
    y: y(100 * mean),
    spread: n > 1 ? height * 100 * std : 0,
  }));
  const drawn = points.map(
    (point) =>
      (point.spread > RADIUS
        ? `<path class="spread" d="M${at(point.x)} ${at(point.y - point.spread)}v${at(2 * point.spread)}` +
          `m-8 0h16m0 ${at(-2 * point.spread)}h-16"/>`
        : '') + `<circle class="point" cx="${at(point.x)}" cy="${at(point.y)}" r="${RADIUS}"/>`,
  );
  const named = placeLabels(points).map(
    ({ left, top, label }) =>
      `<text class="label" x="${at(left)}" y="${at(top + LINE - 8)}">${escape(label)}</text>`,
  );
  const title = `Test accuracy${datasets.length > 1 ? '' : `, ${datasets[0]}`}`;
  const spoken = rows.some((row) => row.accuracy.n > 1)
    ? 'mean ± standard deviation of n runs'
    : 'one run each';
  // Times compare on one device; where there are several, each time says its own.
  const devices = cost === 'seconds' ? [...new Set(rows.map((row) => row.device))] : [];
  const where = devices.length === 1 ? `, on ${devices[0]}` : '';
  const device = devices.length > 1 ? '<th scope="col">device</th>' : '';
  return [
    '<div class="comparison">',
    // The table says the same to who cannot see the chart.
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="xMinYMin" aria-hidden="true">`,
    `<text class="title" x="0" y="28">${escape(title)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<path class="grid" d="M${PLOT.left} ${at(y(tick))}H${PLOT.right}"/>` +
        `<text x="${PLOT.left - 14}" y="${at(y(tick) + 10)}" text-anchor="end">${tick}%</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<path class="grid" d="M${at(x(tick))} ${PLOT.top}V${PLOT.bottom}"/>` +
        `<text x="${at(x(tick))}" y="${PLOT.bottom + 38}" text-anchor="middle">${tickName(tick, cost)}</text>`,
    ),
    `<text x="${PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">${axis}, log scale</text>`,
    ...drawn,
    ...named,
    '</svg>',
    '<table>',
    `<caption>${escape(`${title}: ${spoken}${where}`)}</caption>`,
    `<thead><tr><th scope="col">network</th><th scope="col" class="count">accuracy</th>` +
      `<th scope="col" class="count">n</th><th scope="col" class="count">${head}</th>${device}</tr></thead>`,
    '<tbody>',
    ...rows.map(
      (row) =>
        `<tr><th scope="row">${escape(row.label)}</th>` +
        `<td class="count">${show(row.accuracy, 'percent')}</td>` +
        `<td class="count">${row.accuracy.n}</td><td class="count">${show(row.cost, format)}</td>` +
        `${device && `<td>${escape(row.device)}</td>`}</tr>`,
    ),
    '</tbody>',
    '</table>',
    '</div>',
  ].join('\n');
}

/** Write a mark of the axis of costs: 10 k, 1 M; 10 s, 1 min. */
function tickName(tick, cost) {
  if (cost === 'seconds') return show(tick, 'duration');
  const [unit, size] = [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
    ['', 1],
  ].find(([, least]) => tick >= least);
  return `${tick / size}${unit && `\u00a0${unit}`}`;
}
