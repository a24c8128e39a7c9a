// Draws all recorded networks in one chart, accuracy against cost, with a table of the same values.

import { ticks } from './curve.mjs';
import { show } from '../expand/values.mjs';

const WIDTH = 1000;
const HEIGHT = 640;
const PLOT = { left: 90, right: 900, top: 66, bottom: 560 };
const RADIUS = 9; // of a point; a spread that is smaller stands in the table alone
const LINE = 36; // height of a label, px

/** The width of a label, px: a generous guess at Lato's. */
const widthOf = (label) =>
  [...label].reduce((width, letter) => width + (/[A-Z]/.test(letter) ? 21 : 16), 0);

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** What an accuracy can be set against: the value of a record, its name, and how it is written. */
const COSTS = {
  parameters: {
    of: (record) => record.parameters,
    axis: 'parameters',
    head: 'parameters',
    format: 'millions',
  },
  macs: {
    of: (record) => record.macs,
    axis: 'multiply-accumulates per image',
    head: 'MACs',
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

/** What a network is called among networks that are all for CIFAR10, where the facts have it. */
export const shortName = (facts, network) =>
  facts[network]?.cifar10?.name.replace(/ for CIFAR10$/, '');

/** Return where a logarithmic axis begins and ends, with room beside the values, and its marks. */
function logAxis(values, isTime) {
  const [low, high] = [Math.min(...values) / 2, Math.max(...values) * 2];
  const powers = Array.from({ length: 16 }, (_, power) => 10 ** power);
  const marks = (isTime ? SECONDS : powers).filter((mark) => mark >= low && mark <= high);
  return { low, high, marks };
}

const overlap = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const contains = (box, { x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom;

/** Whether a line from a point to its label, where it has one, leads through a box beside the point. */
const crosses = ({ from, end }, box) =>
  Boolean(end) &&
  !contains(box, from) &&
  [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].some((share) =>
    contains(box, {
      x: from.x + share * (end.x - from.x),
      y: from.y + share * (end.y - from.y),
    }),
  );

/** On which side of a line from one point to another a third lies. */
const sideOf = (a, b, c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));

/** Whether the lines of two labels cross. */
const tangle = (one, other) =>
  Boolean(one.end && other.end) &&
  sideOf(one.from, one.end, other.from) !== sideOf(one.from, one.end, other.end) &&
  sideOf(other.from, other.end, one.from) !== sideOf(other.from, other.end, one.end);

/** Where a label may stand, in px from its point: beside it, else farther off at the end of a line. */
const PLACES = [
  ...[0, 1].map((left) => ({ right: left ? -18 : 18, down: 0 })),
  ...[0, 6, -6].flatMap((right) => [-1, 1].map((down) => ({ right, down: 40 * down }))),
  ...[60, 90, 125, 165, 210, 260].flatMap((far) =>
    [
      [0.6, 0.8],
      [-0.6, 0.8],
      [0.6, -0.8],
      [-0.6, -0.8],
    ].map(([right, down]) => ({ right: right * far, down: down * far, line: true })),
  ),
];

/** Give each point a label that covers no other label, point or line, if there is room. */
function placeLabels(points) {
  const taken = points.map(({ x, y, spread }) => ({
    left: x - 17,
    right: x + 17,
    top: y - Math.max(12, spread),
    bottom: y + Math.max(12, spread),
  }));
  const labels = [];
  // The highest first: it is looked for first.
  return [...points]
    .sort((a, b) => a.y - b.y)
    .map(({ x, y, label, spread }) => {
      const width = widthOf(label);
      const candidates = PLACES.map(({ right, down, line }) => {
        const away = Math.sign(down) * Math.max(0, spread - RADIUS);
        const [anchor, middle] = [x + right, y + down + (line ? 0 : away)];
        const left = anchor - (right > 0 ? 0 : right < 0 ? width : width / 2);
        const top = middle - LINE / 2;
        const end = line && { x: anchor, y: middle - Math.sign(down) * (LINE / 2) };
        // On the side of its point a label begins where it was meant to, however wide it turns out.
        const text = { x: anchor, anchor: right > 0 ? 'start' : right < 0 ? 'end' : 'middle' };
        return { left, right: left + width, top, bottom: top + LINE, from: { x, y }, end, text };
      });
      const isFree = (box) =>
        box.left >= PLOT.left &&
        box.right <= WIDTH &&
        box.top >= PLOT.top - LINE / 2 &&
        box.bottom <= PLOT.bottom &&
        !taken.some((other) => overlap(box, other)) &&
        !taken.some((other) => crosses(box, other)) &&
        !labels.some((other) => crosses(other, box) || tangle(other, box));
      const box = candidates.find(isFree) ?? candidates[0];
      taken.push(box);
      labels.push(box);
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
  const { of, axis } = COSTS[cost];
  const datasets = entries.map(({ record }) => record.dataset);
  const count = (dataset) => datasets.filter((each) => each === dataset).length;
  const [usual] = [...datasets].sort((a, b) => count(b) - count(a));
  const rows = entries
    .map(({ name, record }) => ({
      // Results on different images do not compare, so those on others than most say on which.
      label: record.dataset === usual ? name : `${name} (${record.dataset})`,
      accuracy: record[key],
      cost: of(record),
      costs: Object.values(COSTS).map((each) => show(each.of(record), each.format)),
      where: `${record.runs[0].device}, ${record.runs[0].precision}`,
    }))
    .sort((a, b) => a.cost - b.cost);

  const { low, high, marks } = logAxis(
    rows.map((row) => row.cost),
    cost === 'seconds',
  );
  const ends = rows.flatMap(({ accuracy: { mean, std } }) => [
    100 * (mean - std),
    100 * (mean + std),
  ]);
  const yTicks = ticks(Math.min(...ends), Math.max(...ends), 6);
  const x = (value) =>
    PLOT.left + ((PLOT.right - PLOT.left) * Math.log(value / low)) / Math.log(high / low);
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
    ({ top, label, from, end, text }) =>
      (end
        ? `<path class="lead" d="M${at(from.x)} ${at(from.y)}L${at(end.x)} ${at(end.y)}"/>`
        : '') +
      `<text class="label" x="${at(text.x)}" y="${at(top + LINE - 8)}" text-anchor="${text.anchor}">${escape(label)}</text>`,
  );
  const isMixed = count(usual) < datasets.length;
  const title = `Test accuracy, ${usual}${isMixed ? ' where not named' : ''}`;
  const several = rows.filter((row) => row.accuracy.n > 1);
  const counts = several.map((row) => `${row.label}: ${row.accuracy.n}`).join(', ');
  const spoken = counts
    ? `± standard deviation over several runs (${counts}), else one run`
    : 'one run each';
  // Times compare on one device, in one number format.
  const places = [...new Set(rows.map((row) => row.where))].map((where) => {
    const those = rows.filter((row) => row.where === where).map((row) => row.label);
    return those.length === rows.length ? where : `${where}: ${those.join(', ')}`;
  });
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
    ...marks.map(
      (tick) =>
        `<path class="grid" d="M${at(x(tick))} ${PLOT.top}V${PLOT.bottom}"/>` +
        `<text x="${at(x(tick))}" y="${PLOT.bottom + 38}" text-anchor="middle">${tickName(tick, cost)}</text>`,
    ),
    `<text x="${PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">${axis}, log scale</text>`,
    ...named,
    ...drawn,
    '</svg>',
    '<table>',
    `<caption>${escape(`${title}: ${spoken}. Trained on ${places.join('; ')}.`)}</caption>`,
    `<thead><tr><th scope="col">network</th><th scope="col" class="count">accuracy</th>` +
      `${Object.values(COSTS)
        .map(({ head }) => `<th scope="col" class="count">${head}</th>`)
        .join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map(
      (row) =>
        `<tr><th scope="row">${escape(row.label)}</th>` +
        `<td class="count">${show(row.accuracy, 'percent')}</td>` +
        `${row.costs.map((each) => `<td class="count">${each}</td>`).join('')}</tr>`,
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
