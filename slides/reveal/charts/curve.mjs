// Draws trainings: one as two small charts, its accuracy and its losses; several in one chart.

import { at, axes, box, brief, svg, ticks } from './chart.mjs';
import { atEnds } from './labels.mjs';
import { escapeText } from '../html.mjs';

const PLOT = { left: 104, top: 66 };
// Where the plot ends, and the drawing with the words beside it.
const HALF = { name: 'half', right: 700, width: 860, bottom: 512, height: 580 };
// For a phone, with room for a longer name behind each line.
const NAMED = { name: 'half', right: 650, width: 900, bottom: 512, height: 580 };
const WHOLE = { name: 'whole', right: 1330, width: 1600, bottom: 632, height: 700 };
// How lines differ: in color and in their dashes.
const STYLES = ['first', 'second', 'third', 'fourth'];

const LINE = 34; // height of a label, px
const WIDE = 180; // its width, px, as a guess

const lastOf = (points) => points[points.length - 1];

const rows = (said, left, foot, rest = '') =>
  said.map((each, n) => {
    const base = at(foot - LINE * (said.length - 1 - n));
    return `<text class="label" x="${at(left)}" y="${base}"${rest}>${each}</text>`;
  });

/** Write labels behind the ends of the lines that go on to the last epoch, which may lie together. */
function besideEnds(ends, left, lowest) {
  const those = ends.filter(({ isLast }) => isLast);
  const height = LINE * Math.max(...those.map(({ said }) => said.length));
  const middles = atEnds(
    those.map((end) => end.y),
    lowest,
    height,
  );
  return those.flatMap(({ said }, n) =>
    rows(said, left, middles[n] + 10 + (LINE / 2) * (said.length - 1)),
  );
}

const CLEAR = ' text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="10"';

/** Write labels over the ends of shorter lines, or below one that is too close to the one before. */
function overEnds(ends) {
  const those = ends.filter(({ isLast }) => !isLast).sort((a, b) => a.x - b.x);
  return those.flatMap((end, n) => {
    const isClose =
      n > 0 && end.x - those[n - 1].x < WIDE && Math.abs(end.y - those[n - 1].y) < 3 * LINE;
    return rows(
      end.said,
      end.x,
      isClose ? end.y + 44 + LINE * (end.said.length - 1) : end.y - 22,
      CLEAR,
    );
  });
}

/**
 * Draw lines over epochs, each with a label at its end.
 *
 * @param {{name: string, right: number, width: number, bottom: number, height: number}} size
 * @param {string} title what is drawn
 * @param {{style: string, name: string, more?: string, points: {epoch: number, value: number}[]}[]}
 *   lines `style` is a class, `name` what it is called, `more` what its label says below that
 * @param {string} format of the values
 * @returns {string} SVG
 */
function chart(size, title, lines, format) {
  const { right, bottom } = size;
  const write = (value) => brief(value, format);
  const last = Math.max(...lines.map((line) => lastOf(line.points).epoch));
  const values = lines.flatMap((line) => line.points.map((point) => point.value));
  const epochs = ticks(0, last, 4).filter((tick) => tick <= last && Number.isInteger(tick));
  const { x, y, grid } = axes(
    { ...PLOT, right, bottom },
    { marks: epochs, write: String, high: last },
    { marks: ticks(Math.min(...values), Math.max(...values)), write },
  );
  const drawn = lines.map(({ style, points }) => {
    const path = points.map((point) => `${at(x(point.epoch))} ${at(y(point.value))}`).join('L');
    const end = lastOf(points);
    return (
      `<path class="line ${style}" d="M${path}"/>` +
      `<circle class="end ${style}" cx="${at(x(end.epoch))}" cy="${at(y(end.value))}" r="7"/>`
    );
  });
  const ends = lines.map(({ name, more, points }) => {
    const { epoch, value } = lastOf(points);
    return { said: more ? [name, more] : [name], x: x(epoch), y: y(value), isLast: epoch === last };
  });
  const labels = [...besideEnds(ends, right + 18, bottom), ...overEnds(ends)];
  const said = lines
    .map(
      ({ name, points }) =>
        `${name} from ${write(points[0].value)} to ${write(lastOf(points).value)}`,
    )
    .join(', ');
  return svg(size, title, `role="img" aria-label="${title} over ${last} epochs: ${said}"`, [
    ...grid,
    `<text x="${right + 36}" y="${bottom + 40}">epoch</text>`,
    ...drawn,
    ...labels,
  ]);
}

/** What a history records each epoch, and how a chart of it is titled and read. */
const FIELDS = {
  train_loss: { title: 'Training loss', format: 'decimals' },
  validation_loss: { title: 'Validation loss', format: 'decimals' },
  validation_accuracy: { title: 'Accuracy on the validation images', format: 'percent' },
};

/** Return the points of one field of a history, or throw naming what is wrong with it. */
function series(history, field) {
  if (!Array.isArray(history) || history.length < 1) {
    throw new Error('a curve needs a list of epochs');
  }
  return history.map((record, n) => {
    for (const name of ['epoch', field]) {
      if (!Number.isFinite(record?.[name])) {
        throw new Error(`a curve needs a number as ${name} in record ${n} of the history`);
      }
    }
    return { epoch: record.epoch, value: record[field] };
  });
}

/**
 * Draw a learning curve as HTML with inline SVG, without blank lines, so that Markdown keeps it.
 *
 * @param {object[]} history one record an epoch: `epoch`, `train_loss`, `validation_loss` and
 *   `validation_accuracy` (a fraction of one)
 * @returns {string} HTML
 * @throws {Error} naming the first epoch and field that is not a finite number
 */
export function curve(history) {
  const { title, format } = FIELDS.validation_accuracy;
  const line = (style, name, field) => ({ style, name, points: series(history, field) });
  const accuracy = line('validation', 'validation', 'validation_accuracy');
  // Not the test accuracy that a slide has beside it, and it says so.
  const more = brief(lastOf(accuracy.points).value, format);
  const losses = [
    line('train', 'training', 'train_loss'),
    line('validation', 'validation', 'validation_loss'),
  ];
  return box('curves', [
    chart(HALF, title, [{ ...accuracy, more }], format),
    chart(HALF, 'Cross-entropy loss', losses, FIELDS.train_loss.format),
  ]);
}

/**
 * Draw the first run of each of several records in one chart.
 *
 * @param {object[]} records of one data set, each with `network`, `variant`, `dataset`, `runs`
 * @param {string} field of the histories: train_loss, validation_loss or validation_accuracy
 * @param {string[]} [names] of the records, instead of their own; their epochs stand below, where these
 *   differ
 * @returns {string} HTML
 * @throws {Error} when there is no such field or the records are not of one data set
 */
export function curves(records, field, names = []) {
  if (!Object.hasOwn(FIELDS, field)) {
    throw new Error(`curves are of ${Object.keys(FIELDS).join(', ')}, not of ${field}`);
  }
  if (records.length > STYLES.length) {
    throw new Error(`more than ${STYLES.length} curves in one chart cannot be told apart`);
  }
  if (!records.every((record) => record?.network && record.dataset && record.variant)) {
    throw new Error('curves are of records, which have network, variant, dataset and runs');
  }
  const datasets = [...new Set(records.map((record) => record.dataset))];
  if (datasets.length > 1) {
    throw new Error(`curves of different data sets do not compare: ${datasets.join(', ')}`);
  }
  if (names.length > 0 && names.length !== records.length) {
    throw new Error(`${records.length} curves need ${records.length} names, not ${names.length}`);
  }
  const { title, format } = FIELDS[field];
  const drawn = records.map(({ runs }) => series(runs?.[0]?.history, field));
  const lengths = drawn.map((points) => lastOf(points).epoch);
  // Where all are of one length, the axis says it.
  const differ = names.length > 0 && new Set(lengths).size > 1;
  const lines = records.map(({ network, variant }, n) => ({
    style: STYLES[n],
    name: escapeText(names[n] ?? (variant === 'default' ? network : variant)),
    more: differ ? `${lengths[n]} epochs` : undefined,
    points: drawn[n],
  }));
  const where = `${title}, ${escapeText(datasets[0])}`;
  // A phone has no room for the whole one, whose words would be too small there.
  return box(
    'curves',
    [WHOLE, names.length > 0 ? NAMED : HALF].map((size) => chart(size, where, lines, format)),
  );
}

/** Which operations are drawn alike: the label at the end of a line tells them apart. */
const FAMILIES = [/^sep_conv/, /^dil_conv/, /_pool/, /^(none|skip)/];

/**
 * Draw how the share of each operation went in a differentiable search.
 *
 * @param {object} record with `operations`, and a `search` whose `history` has, for each epoch and
 *   cell, a row of shares for each edge
 * @param {string} cell `normal` or `reduction`
 * @returns {string} HTML
 * @throws {Error} when the record is of no such search
 */
export function shares(record, cell) {
  const { operations, search } = record ?? {};
  if (!Array.isArray(operations) || !Array.isArray(search?.history?.[0]?.[cell])) {
    throw new Error(`shares are of a search with operations and a history of ${cell} cells`);
  }
  const lines = operations.map((operation, n) => {
    const name = escapeText(operation.replaceAll('_', ' ').replace(' connect', ''));
    const history = search.history.map((row) => {
      const sum = row[cell].reduce((total, edge) => total + edge[n], 0);
      return { epoch: row.epoch, share: sum / row[cell].length };
    });
    const style = STYLES[FAMILIES.findIndex((family) => family.test(operation))];
    return { style, name, points: series(history, 'share') };
  });
  const title = `Mean share of each operation, ${cell} cell`;
  return box(
    'curves',
    [WHOLE, NAMED].map((size) => chart(size, title, lines, 'percent')),
  );
}
