// How values are found, and written for an audience.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lookUp, show } from '../../slides/reveal/expand/values.mjs';

const three = { mean: 0.7371, std: 0.0042, n: 3 };

test('a value is written for an audience', () => {
  /** @type {[any, string, string][]} */
  const values = [
    ['net', 'text', 'net'],
    [0.05, 'text', '0.05'],
    [61706, 'integer', '61,706'],
    [61706, 'millions', '0.06\u00a0M'],
    [40_600_000, 'millions', '40.6\u00a0M'],
    [125_500_000, 'millions', '126\u00a0M'],
    [15_470_264_320, 'millions', '15,470\u00a0M'],
    [10_000, 'short', '10\u00a0k'],
    [1e6, 'short', '1\u00a0M'],
    [2.5e9, 'short', '2.5\u00a0G'],
    [1, 'short', '1'],
    [0.05, 'decimals 3', '0.050'],
    [0.05, 'decimals', '0.05'],
    [0.7371, 'percent', '73.7%'],
    [0.7371, 'percent 0', '74%'],
    [{ ...three, n: 1 }, 'percent', '73.7%'],
    [three, 'percent', '73.7\u00a0±\u00a00.4%'],
    [three, 'percent 2', '73.71\u00a0±\u00a00.42%'],
    [0.4, 'duration', '0\u00a0s'],
    [60, 'duration', '1\u00a0min'],
    [183.2, 'duration', '3\u00a0min 3\u00a0s'],
    [3599.6, 'duration', '1\u00a0h'],
    [4739.6, 'duration', '1\u00a0h 19\u00a0min'],
    [3695, 'duration', '1\u00a0h 2\u00a0min'], // to the minute from an hour on
    [651720, 'duration', '181\u00a0h 2\u00a0min'],
  ];
  for (const [value, format, written] of values) {
    assert.equal(show(value, format), written, `${JSON.stringify(value)} as ${format}`);
  }
});

test('a value that does not suit its format is told', () => {
  /** @type {[any, string, RegExp][]} */
  const values = [
    [null, 'text', /^that is not a single value$/],
    [{ lr: 0.05 }, 'integer', /^{"lr":0.05} is not a number$/],
    ['x'.repeat(99), 'percent', /^"x{59} … is not a number$/],
    [{ mean: 0.5 }, 'percent', /^there is no number$/],
    [-1, 'duration', /^-1 is less than no time$/],
    [1, 'euros', /^there is no format euros; there is text, integer,.* duration$/],
    [1, 'constructor', /^there is no format constructor/],
  ];
  for (const [value, format, message] of values) {
    assert.throws(() => show(value, format), { message });
  }
});

test('a key leads into lists and objects, and a missing one says what there is', () => {
  const whole = { runs: [{ seconds: 5 }, { seconds: 7 }], empty: {} };
  assert.equal(lookUp(whole, 'runs.1.seconds'), 7);
  for (const [key, message] of [
    ['runs.2', 'there is no key 2 under runs; there is 0, 1'],
    ['empty.a', 'there is no key a under empty; there is nothing'],
    ['runs.length', 'there is no key length under runs; there is 0, 1'],
    ['constructor', 'there is no key constructor; there is runs, empty'],
  ]) {
    assert.throws(() => lookUp(whole, key), { message });
  }
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`k${n}`, n]));
  assert.throws(() => lookUp(many, 'a'), /there is k0, .*, k19 …$/);
});
