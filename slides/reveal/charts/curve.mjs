// Draws trainings: one as two small charts, its accuracy and its losses; several in one chart.

import { at, axes, box, brief, svg, ticks } from './chart.mjs';
import { atEnds } from './labels.mjs';
import { escapeText } from '../html.mjs';

const PLOT = { left: 104, top: 66 };
// Where the plot ends, and the drawing with the words beside it.
const HALF = { name: 'half', right: 700, width: 860, bottom: 512, height: 580 };
// For a phone, with room for the name of an operation behind each line.
const NAMED = { name: 'half', right: 650, width: 900, bottom: 512, height: 580 };
const WHOLE = { name: 'whole', right: 1330, width: 1600, bottom: 632, height: 700 };
// How lines differ: in color and in their dashes.
const STYLES = ['first', 'second', 'third', 'fourth'];

const lastOf = (points) => points[points.length - 1];

/**
 * Draw lines over epochs, each with a label at its end.
 *
 * @param {{name: string, right: number, width: number, bottom: number, height: number}} size
 * @param {string} title what is drawn
 * @param {{style: string, name: string, label?: string, points: {epoch: number, value: number}[]}[]}
 *   lines `style` is a class, `name` what it is called, `label` what stands at its end instead
 * @param {string} format of the values
 * @param {number} [low] where the values begin, when not at the least of them
 * @returns {string} SVG
 */
function chart(size, title, lines, format, low) {
  const { right, bottom } = size;
  const write = (value) => brief(value, format);
  const last = Math.max(...lines.map((line) => lastOf(line.points).epoch));
  const values = lines.flatMap((line) => line.points.map((point) => point.value));
  const epochs = ticks(0, last, 4).filter((tick) => tick <= last && Number.isInteger(tick));
  const { x, y, grid } = axes(
    { ...PLOT, right, bottom },
    { marks: epochs, write: String, high: last },
    { marks: ticks(low ?? Math.min(...values), Math.max(...values)), write },
  );
  const drawn = lines.map(({ style, points }) => {
    const path = points.map((point) => `${at(x(point.epoch))} ${at(y(point.value))}`).join('L');
    const end = lastOf(points);
    return (
      `<path class="line ${style}" d="M${path}"/>` +
      `<circle class="end ${style}" cx="${at(x(end.epoch))}" cy="${at(y(end.value))}" r="7"/>`
    );
  });
  // A label stands behind the end of its line, or over it where other lines go on; only those of
  // lines that end together can touch.
  const ends = lines.map(({ name, label = name, points }) => ({ label, ...lastOf(points) }));
  const labels = [...new Set(ends.map((end) => end.epoch))].flatMap((epoch) => {
    const those = ends.filter((end) => end.epoch === epoch);
    const heights = atEnds(
      those.map(({ value }) => y(value)),
      bottom,
    );
    return those.map(({ label }, n) =>
      epoch === last
        ? `<text class="label" x="${right + 18}" y="${at(heights[n] + 10)}">${label}</text>`
        : `<text class="label" x="${at(x(epoch))}" y="${at(heights[n] - 22)}" text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="10">${label}</text>`,
    );
  });
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
  validation_accuracy: { title: 'Accuracy on the validation images', format: 'percent', low: 0 },
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
  const { title, format, low } = FIELDS.validation_accuracy;
  const line = (style, name, field) => ({ style, name, points: series(history, field) });
  const accuracy = line('validation', 'validation', 'validation_accuracy');
  const label = brief(lastOf(accuracy.points).value, format);
  const losses = [
    line('train', 'training', 'train_loss'),
    line('validation', 'validation', 'validation_loss'),
  ];
  return box('curves', [
    chart(HALF, title, [{ ...accuracy, label }], format, low),
    chart(HALF, 'Cross-entropy loss', losses, FIELDS.train_loss.format),
  ]);
}

/**
 * Draw the first run of each of several records in one chart.
 *
 * @param {object[]} records of one data set, each with `network`, `variant`, `dataset`, `runs`
 * @param {string} field of the histories: train_loss, validation_loss or validation_accuracy
 * @returns {string} HTML
 * @throws {Error} when there is no such field or the records are not of one data set
 */
export function curves(records, field) {
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
  const { title, format, low } = FIELDS[field];
  const lines = records.map(({ network, variant, runs }, n) => {
    const name = escapeText(variant === 'default' ? network : variant);
    return { style: STYLES[n], name, points: series(runs?.[0]?.history, field) };
  });
  const where = `${title}, ${escapeText(datasets[0])}`;
  // A phone has no room for the whole one, whose words would be too small there.
  return box(
    'curves',
    [WHOLE, HALF].map((size) => chart(size, where, lines, format, low)),
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
