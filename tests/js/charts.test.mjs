// What the charts are made of: round marks, room for labels.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axes, brief, mark, ticks } from '../../slides/reveal/charts/chart.mjs';
import { atEnds, besidePoints } from '../../slides/reveal/charts/labels.mjs';

test('marks are round, few and reach around all values', () => {
  assert.deepEqual(ticks(0.12, 0.88), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(70, 90, 6), [70, 75, 80, 85, 90]);
  assert.deepEqual(ticks(0.9, 0.9), [0.8, 1]);
  assert.deepEqual(ticks(0.4, 0.4), [0.4, 0.6]);
  for (const [low, high] of [
    [0, 7],
    [0.701, 0.7024],
    [-3, 1e6],
  ]) {
    const marks = ticks(low, high, 6);
    assert.ok(
      marks[0] <= low && marks[marks.length - 1] >= high && marks.length <= 8,
      marks.join(),
    );
    assert.ok(marks.every((each) => String(each).length <= 7));
  }
});

test('a value in a chart has no zeros behind its point', () => {
  const written = [0, 10, 0.5, 100, 2.004, 0.29].map((value) => brief(value, 'decimals'));
  assert.deepEqual(written, ['0', '10', '0.5', '100', '2', '0.29']);
  assert.deepEqual([0.1, 0.70125, 1].map(mark), ['10%', '70.125%', '100%']);
});

test('a value lies where its axis says, on a logarithmic one, too', () => {
  const plot = { left: 100, right: 300, top: 0, bottom: 50 };
  const write = (value) => `${value} M`;
  const across = { marks: [10], write, low: 1, high: 100, isLog: true };
  const { x, y, grid } = axes(plot, across, { marks: [0, 5], write });
  assert.deepEqual([1, 10, 100].map(x), [100, 200, 300]);
  assert.deepEqual([0, 5].map(y), [50, 0]);
  assert.equal(grid.join('').split('class="grid"').length - 1, 3);
  assert.match(grid.join(''), /x="200.0" y="90" text-anchor="middle">10 M</);
});

const ROOM = { left: 0, right: 1000, top: 0, bottom: 600 };

const isApart = (one, other) =>
  one.right <= other.left ||
  other.right <= one.left ||
  one.bottom <= other.top ||
  other.bottom <= one.top;

/** Return what gives numbers as if drawn at random, the same each time. */
function numbers(state) {
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

test('no label covers another label or a point, where there is room', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = numbers(seed);
    const points = Array.from({ length: 9 }, (_, n) => ({
      x: 100 + 700 * random(),
      y: 60 + 480 * random(),
      label: `Net-${n}`,
      spread: n % 3 === 0 ? 30 : 0,
    }));
    const labels = besidePoints(points, ROOM);
    assert.deepEqual(
      labels.map(({ label }) => label).sort(),
      points.map(({ label }) => label),
    );
    for (const [n, one] of labels.entries()) {
      const said = `seed ${seed}: ${one.label}`;
      assert.ok(one.left >= 0 && one.right <= 1000 && one.top >= 0 && one.bottom <= 600, said);
      assert.ok(
        labels.slice(n + 1).every((other) => isApart(one, other)),
        said,
      );
      for (const { x, y, spread } of points) {
        const dot = { left: x, right: x, top: y - spread, bottom: y + spread };
        assert.ok(isApart(one, dot), said);
      }
    }
  }
});

test('names of points that lie together stand apart, at the end of lines that meet no name', () => {
  const points = Array.from({ length: 7 }, (_, n) => ({
    x: 500 + 12 * n,
    y: 200 - 5 * n,
    label: `network-${n}`,
    spread: 0,
  }));
  const labels = besidePoints(points, ROOM);
  const far = labels.filter(({ end }) => end);
  assert.ok(far.length > 1);
  for (const [n, one] of labels.entries()) {
    assert.ok(
      labels.slice(n + 1).every((other) => isApart(one, other)),
      one.label,
    );
    for (const { from, end } of far) {
      for (const share of [0.3, 0.6]) {
        const [x, y] = [from.x + share * (end.x - from.x), from.y + share * (end.y - from.y)];
        assert.ok(isApart(one, { left: x, right: x, top: y, bottom: y }), one.label);
      }
    }
  }
});

test('a name without a line is nearest to its own point', () => {
  let seed = 1;
  const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 50; round += 1) {
    const points = Array.from({ length: 8 }, (_, n) => {
      const [x, y, spread] = [100 + 800 * chance(), 100 + 200 * chance(), 30 * chance()];
      return { x, y, spread, label: `network-${n}` };
    });
    for (const { end, from, ...box } of besidePoints(points, ROOM)) {
      const far = ({ x, y }) => {
        const aside = Math.max(box.left - x, 0, x - box.right);
        return Math.hypot(aside, Math.max(box.top - y, 0, y - box.bottom));
      };
      assert.ok(end || points.every((each) => far(each) >= far(from)), `${round}: ${box.label}`);
    }
  }
});

test('labels at the ends of lines keep their order, a line apart, around where they belong', () => {
  assert.deepEqual(atEnds([100, 300], 500), [100, 300]);
  assert.deepEqual(atEnds([201, 200], 500, 34), [217.5, 183.5]);
  assert.deepEqual(atEnds([100, 100, 100], 500, 30), [70, 100, 130]);
  assert.deepEqual(atEnds([490, 495], 500, 40), [460, 500]);
  // A third label moves the two that touch, and is moved by them.
  const [first, second, third] = atEnds([100, 110, 140], 500, 30);
  assert.deepEqual([second - first, third - second].map(Math.round), [30, 30]);
  assert.equal(Math.round(first + second + third), 350);
});
