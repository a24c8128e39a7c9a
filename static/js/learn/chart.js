// The two curves of a training, as HTML: in the page, and in the still that is written at build time.
// Words are HTML at shares of the box, so that they are as large as others; only lines are stretched.

import { percent } from '../live/words.js';

const ROUND = [1, 2, 5];

/** The images that a chart has room for: a round number, and at least `least`. */
export function room(images, least) {
  for (let power = least; ; power *= 10) {
    const fits = ROUND.find((factor) => images <= factor * power);
    if (fits) return fits * power;
  }
}

const share = (value) => `${(100 * value).toFixed(2)}%`;

/** A path through points, from 0 to 1 both ways; it ends where a value is not a number. */
function path(points) {
  const known = points.findIndex(([, y]) => !Number.isFinite(y));
  const drawn = known < 0 ? points : points.slice(0, known);
  return drawn.map(([x, y]) => `${(1000 * x).toFixed(1)} ${(1000 * (1 - y)).toFixed(1)}`);
}

const line = (kind, points) => {
  const steps = path(points);
  return steps.length > 1 ? `<path class="${kind}" d="M${steps.join('L')}"/>` : '';
};

/**
 * Draw one of a training's curves.
 *
 * @param {object} given
 * @param {string} given.title over it, with its last value
 * @param {[number, number][]} given.points images and value
 * @param {[number, number][]} given.before those of the training before, drawn pale
 * @param {number[]} given.marks beside it, from the lowest to the highest
 * @param {(value: number) => string} given.write a mark
 * @param {number} given.most images along it
 */
function plot({ title, points, before, marks, write, most }) {
  const [low, high] = [marks[0], marks[marks.length - 1]];
  const height = (value) => (Math.min(value, high) - low) / (high - low);
  const scaled = (all) => all.map(([x, y]) => [Math.min(x / most, 1), height(y)]);
  const grid = marks.map((mark) => {
    const y = (1000 * (1 - height(mark))).toFixed(1);
    return `<path class="grid" d="M0 ${y}H1000"/>`;
  });
  const words = marks.map(
    (mark) => `<span style="bottom: ${share(height(mark))}">${write(mark)}</span>`,
  );
  return (
    `<div class="learn-chart"><p>${title}</p><div class="learn-plot"><div class="learn-marks">${words.join('')}</div>` +
    `<svg viewBox="0 0 1000 1000" preserveAspectRatio="none">${grid.join('')}` +
    `${line('before', scaled(before))}${line('now', scaled(points))}</svg></div>` +
    `<p class="learn-axis"><span>0</span><span>${most.toLocaleString('en-US')} images</span></p></div>`
  );
}

const wholePercent = (value) => percent(value, 0);
const digits = (value) => (Number.isFinite(value) ? value.toFixed(2) : 'not a number');

/** The loss at a point; none was counted before the first step. */
const losses = (points) =>
  points.filter(({ loss }) => loss !== undefined).map(({ images, loss }) => [images, loss]);

/**
 * Draw loss and accuracy, side by side.
 *
 * @param {import('./training.js').Point[]} points
 * @param {import('./training.js').Point[]} [before] of the training before
 * @param {number} [least] images that they have room for
 */
export function charts(points, before = [], least = 10_000) {
  const most = room(Math.max(0, ...[...points, ...before].map(({ images }) => images)), least);
  const loss = losses(points);
  const last = points[points.length - 1];
  const accuracy = (all) => all.map((point) => [point.images, point.accuracy]);
  const title = (name, value) =>
    value === undefined ? name : `${name}: <strong>${value}</strong>`;
  return (
    plot({
      title: title('Loss', loss.length > 0 ? digits(loss[loss.length - 1][1]) : undefined),
      points: loss,
      before: losses(before),
      marks: [0, 0.5, 1, 1.5, 2, 2.5],
      write: (value) => String(value),
      most,
    }) +
    plot({
      title: title('Right on others', last && wholePercent(last.accuracy)),
      points: accuracy(points),
      before: accuracy(before),
      marks: [0, 0.2, 0.4, 0.6, 0.8, 1],
      write: wholePercent,
      most,
    })
  );
}
