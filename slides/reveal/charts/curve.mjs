// Draws trainings: one as two small charts, its accuracy and its losses; several in one chart.

const PLOT = { left: 104, top: 66 };
// Where the plot ends, and the drawing with the words beside it.
const HALF = { name: 'half', right: 700, width: 860, bottom: 512, height: 580 };
// For a phone, with room for the name of an operation behind each line.
const NAMED = { name: 'half', right: 650, width: 900, bottom: 512, height: 580 };
const WHOLE = { name: 'whole', right: 1330, width: 1600, bottom: 632, height: 700 };
// How lines differ: in color and in their dashes.
const STYLES = ['first', 'second', 'third', 'fourth'];

/** Round steps of 1, 2 or 5 times a power of ten that cut `low` to `high` into at most `most` parts. */
export function ticks(low, high, most = 5) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= most);
  const from = Math.floor(low / step + 1e-9);
  const to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: to - from + 1 }, (_, i) =>
    Number(((from + i) * step).toPrecision(12)),
  );
}

/** Move labels apart that would stand closer than a line of text, in their order, above `lowest`. */
function spread(labels, lowest, gap = 34) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  // Labels that touch stand as a block, a gap apart, around where they would like to be.
  const blocks = [];
  for (const label of sorted) {
    let block = { labels: [label], top: Math.min(label.y, lowest) };
    while (blocks.length > 0 && blocks.at(-1).top + gap * blocks.at(-1).labels.length > block.top) {
      const all = [...blocks.pop().labels, ...block.labels];
      const wish = all.reduce((sum, { y }, n) => sum + y - gap * n, 0) / all.length;
      block = { labels: all, top: Math.min(wish, lowest - gap * (all.length - 1)) };
    }
    blocks.push(block);
  }
  const places = new Map(
    blocks.flatMap(({ labels: all, top }) => all.map((label, n) => [label, top + gap * n])),
  );
  return labels.map((label) => ({ ...label, y: places.get(label) }));
}

/**
 * Draw lines over epochs, each with a label at its end.
 *
 * @param {{name: string, right: number, width: number, bottom: number, height: number}} size
 * @param {string} title what is drawn
 * @param {{style: string, name: string, label: string, points: {epoch: number, value: number}[]}[]}
 *   lines `name` is for who hears the chart, `label` for who sees it, `style` is a class
 * @param {(value: number) => string} format
 * @param {number} [low] where the values begin, when not at the least of them
 * @returns {string} SVG
 */
function chart({ name: size, right, width, bottom, height }, title, lines, format, low) {
  const last = Math.max(...lines.map((line) => line.points.at(-1).epoch));
  const values = lines.flatMap((line) => line.points.map((point) => point.value));
  const yTicks = ticks(low ?? Math.min(...values), Math.max(...values));
  const xTicks = ticks(0, last, 4).filter((tick) => tick <= last && Number.isInteger(tick));
  const x = (epoch) => PLOT.left + ((right - PLOT.left) * epoch) / last;
  const y = (value) =>
    bottom - ((bottom - PLOT.top) * (value - yTicks[0])) / (yTicks.at(-1) - yTicks[0]);
  const at = (number) => number.toFixed(1);

  const grid = yTicks.map(
    (tick) =>
      `<path class="grid" d="M${PLOT.left} ${at(y(tick))}H${right}"/>` +
      `<text x="${PLOT.left - 14}" y="${at(y(tick) + 10)}" text-anchor="end">${format(tick)}</text>`,
  );
  const foot = xTicks.map(
    (tick) => `<text x="${at(x(tick))}" y="${bottom + 40}" text-anchor="middle">${tick}</text>`,
  );
  const drawn = lines.map(({ style, points }) => {
    const path = points.map((point) => `${at(x(point.epoch))} ${at(y(point.value))}`).join('L');
    const end = points.at(-1);
    return (
      `<path class="line ${style}" d="M${path}"/>` +
      `<circle class="end ${style}" cx="${at(x(end.epoch))}" cy="${at(y(end.value))}" r="7"/>`
    );
  });
  // A label stands behind the end of its line, or over it where other lines go on; only those of
  // lines that end together can touch.
  const ends = lines.map(({ label, points }) => ({ label, ...points.at(-1) }));
  const labels = [...new Set(ends.map((end) => end.epoch))].flatMap((epoch) =>
    spread(
      ends.filter((end) => end.epoch === epoch).map((end) => ({ ...end, y: y(end.value) })),
      bottom,
    ).map((end) =>
      epoch === last
        ? `<text class="label" x="${right + 18}" y="${at(end.y + 10)}">${end.label}</text>`
        : `<text class="label" x="${at(x(epoch))}" y="${at(end.y - 22)}" text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="10">${end.label}</text>`,
    ),
  );
  const said = lines
    .map(
      ({ name, points }) =>
        `${name} from ${format(points[0].value)} to ${format(points.at(-1).value)}`,
    )
    .join(', ');
  return [
    `<svg class="${size}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="xMinYMin" role="img" aria-label="${title} over ${last} epochs: ${said}">`,
    `<text class="title" x="0" y="28">${title}</text>`,
    ...grid,
    ...foot,
    `<text x="${right + 36}" y="${bottom + 40}">epoch</text>`,
    ...drawn,
    ...labels,
    '</svg>',
  ].join('');
}

const percent = (value) => `${Number((100 * value).toFixed(1))}%`;
const twoDecimals = (value) => String(Number(value.toFixed(2)));

/** What a history records each epoch, and how a chart of it is titled and read. */
const FIELDS = {
  train_loss: { title: 'Training loss', format: twoDecimals },
  validation_loss: { title: 'Validation loss', format: twoDecimals },
  validation_accuracy: { title: 'Accuracy on the validation images', format: percent, low: 0 },
};

/** Return the points of one field of a history, or throw naming what is wrong with it. */
function series(history, field) {
  if (!Array.isArray(history) || history.length < 2) {
    throw new Error('a curve needs a list of two or more epochs');
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
  const accuracy = series(history, 'validation_accuracy');
  const { title, format, low } = FIELDS.validation_accuracy;
  const loss = (style, name, field) => ({
    style,
    name,
    label: name,
    points: series(history, field),
  });
  return [
    '<div class="curves">',
    chart(
      HALF,
      title,
      [
        {
          style: 'validation',
          name: 'validation',
          label: format(accuracy.at(-1).value),
          points: accuracy,
        },
      ],
      format,
      low,
    ),
    chart(
      HALF,
      'Cross-entropy loss',
      [
        loss('train', 'training', 'train_loss'),
        loss('validation', 'validation', 'validation_loss'),
      ],
      twoDecimals,
    ),
    '</div>',
  ].join('\n');
}

/**
 * Draw the first run of each of several records in one chart.
 *
 * @param {object[]} records of one data set, each with `network`, `variant`, `dataset`, `runs`
 * @param {string} field of the histories: train_loss, validation_loss or validation_accuracy
 * @param {(text: string) => string} escape makes text safe for HTML and Markdown
 * @returns {string} HTML
 * @throws {Error} when there is no such field or the records are not of one data set
 */
export function curves(records, field, escape) {
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
    const name = escape(variant === 'default' ? network : variant);
    return { style: STYLES[n], name, label: name, points: series(runs?.[0]?.history, field) };
  });
  const where = `${title}, ${escape(datasets[0])}`;
  // A phone has no room for the whole one, whose words would be too small there.
  const charts = [WHOLE, HALF].map((size) => chart(size, where, lines, format, low));
  return ['<div class="curves">', ...charts, '</div>'].join('\n');
}

/** Which operations are drawn alike: the label at the end of a line tells them apart. */
const FAMILIES = [/^sep_conv/, /^dil_conv/, /_pool/, /^(none|skip)/];

/**
 * Draw how the share of each operation went in a differentiable search.
 *
 * @param {object} record with `operations`, and a `search` whose `history` has, for each epoch and
 *   cell, a row of shares for each edge
 * @param {string} cell `normal` or `reduction`
 * @param {(text: string) => string} escape makes text safe for HTML and Markdown
 * @returns {string} HTML
 * @throws {Error} when the record is of no such search
 */
export function shares(record, cell, escape) {
  const { operations, search } = record ?? {};
  if (!Array.isArray(operations) || !Array.isArray(search?.history?.[0]?.[cell])) {
    throw new Error(`shares are of a search with operations and a history of ${cell} cells`);
  }
  const lines = operations.map((operation, n) => {
    const name = escape(operation.replaceAll('_', ' ').replace(' connect', ''));
    const history = search.history.map((row) => {
      const sum = row[cell].reduce((total, edge) => total + edge[n], 0);
      return { epoch: row.epoch, share: sum / row[cell].length };
    });
    const style = STYLES[FAMILIES.findIndex((family) => family.test(operation))];
    return { style, name, label: name, points: series(history, 'share') };
  });
  const title = `Mean share of each operation, ${cell} cell`;
  const charts = [WHOLE, NAMED].map((size) => chart(size, title, lines, percent));
  return ['<div class="curves">', ...charts, '</div>'].join('\n');
}
