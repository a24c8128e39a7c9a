// Draws the history of a training as two small charts: validation accuracy, and the losses.

const WIDTH = 860;
const HEIGHT = 580;
const PLOT = { left: 84, right: 700, top: 66, bottom: 512 };

/** Round steps of 1, 2 or 5 times a power of ten that cut `low` to `high` into at most `most` parts. */
function ticks(low, high, most = 5) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= most);
  const from = Math.floor(low / step + 1e-9);
  const to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: to - from + 1 }, (_, i) =>
    Number(((from + i) * step).toPrecision(12)),
  );
}

/** Move labels apart that would stand closer than a line of text; keeps their order. */
function spread(labels, gap = 34) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i += 1) {
    const short = gap - (sorted[i].y - sorted[i - 1].y);
    if (short > 0) {
      sorted[i - 1].y -= short / 2;
      sorted[i].y += short / 2;
    }
  }
  return labels;
}

function chart(title, lines, format, low) {
  const epochs = lines[0].points.map((point) => point.epoch);
  const values = lines.flatMap((line) => line.points.map((point) => point.value));
  const yTicks = ticks(low ?? Math.min(...values), Math.max(...values));
  const xTicks = ticks(0, epochs.at(-1), 4).filter(
    (tick) => tick <= epochs.at(-1) && Number.isInteger(tick),
  );
  const x = (epoch) => PLOT.left + ((PLOT.right - PLOT.left) * epoch) / epochs.at(-1);
  const y = (value) =>
    PLOT.bottom - ((PLOT.bottom - PLOT.top) * (value - yTicks[0])) / (yTicks.at(-1) - yTicks[0]);
  const at = (number) => number.toFixed(1);

  const grid = yTicks.map(
    (tick) =>
      `<path class="grid" d="M${PLOT.left} ${at(y(tick))}H${PLOT.right}"/>` +
      `<text x="${PLOT.left - 14}" y="${at(y(tick) + 10)}" text-anchor="end">${format(tick)}</text>`,
  );
  const foot = xTicks.map(
    (tick) =>
      `<text x="${at(x(tick))}" y="${PLOT.bottom + 40}" text-anchor="middle">${tick}</text>`,
  );
  const drawn = lines.map(({ name, points }) => {
    const path = points.map((point) => `${at(x(point.epoch))} ${at(y(point.value))}`).join('L');
    const end = points.at(-1);
    return (
      `<path class="line ${name}" d="M${path}"/>` +
      `<circle class="end ${name}" cx="${at(x(end.epoch))}" cy="${at(y(end.value))}" r="7"/>`
    );
  });
  const labels = spread(
    lines.map(({ name, label, points }) => ({ name, label, y: y(points.at(-1).value) })),
  ).map(
    (label) =>
      `<text class="label ${label.name}" x="${PLOT.right + 18}" y="${at(label.y + 10)}">${label.label}</text>`,
  );
  const said = lines
    .map(
      ({ name, points }) =>
        `${name} from ${format(points[0].value)} to ${format(points.at(-1).value)}`,
    )
    .join(', ');
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} over ${epochs.at(-1)} epochs: ${said}">`,
    `<text class="title" x="0" y="28">${title}</text>`,
    ...grid,
    ...foot,
    `<text x="${PLOT.right + 36}" y="${PLOT.bottom + 40}">epoch</text>`,
    ...drawn,
    ...labels,
    '</svg>',
  ].join('');
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
  if (!Array.isArray(history) || history.length < 2) {
    throw new Error('a curve needs a list of two or more epochs');
  }
  for (const [n, record] of history.entries()) {
    for (const field of ['epoch', 'train_loss', 'validation_loss', 'validation_accuracy']) {
      if (!Number.isFinite(record?.[field])) {
        throw new Error(`a curve needs a number as ${field} in record ${n} of the history`);
      }
    }
  }
  const series = (field) =>
    history.map((record) => ({ epoch: record.epoch, value: record[field] }));
  const percent = (value) => `${Number((100 * value).toFixed(1))}%`;
  const accuracy = series('validation_accuracy');
  return [
    '<div class="curves">',
    chart(
      'Accuracy on the validation images',
      [{ name: 'validation', label: percent(accuracy.at(-1).value), points: accuracy }],
      percent,
      0,
    ),
    chart(
      'Cross-entropy loss',
      [
        { name: 'train', label: 'training', points: series('train_loss') },
        { name: 'validation', label: 'validation', points: series('validation_loss') },
      ],
      (value) => String(Number(value.toFixed(2))),
    ),
    '</div>',
  ].join('\n');
}
