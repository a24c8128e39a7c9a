// How numbers and answers are told.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shownClasses } from '../../static/js/live/answers.js';
import * as words from '../../static/js/live/words.js';

/** Words with plain spaces. */
const plain = (text) => text.replaceAll('\u00a0', ' ');

test('numbers are told with as many digits as one can use', () => {
  assert.equal(words.percent(0.98765), '98.8\u00a0%');
  assert.equal(words.whole(1_234_567), '1,234,567');
  assert.deepEqual([37.46e6, 651_720, 1e9].map(words.millions).map(plain), [
    '37.5 M',
    '0.652 M',
    '1000 M',
  ]);
  assert.deepEqual([0.24, 9.96, 32.5].map(words.time).map(plain), ['0.2 ms', '10.0 ms', '33 ms']);
  assert.deepEqual([0, -0.5, 3.14159].map(words.signed), ['0', '−0.50', '3.14']);
});

test('a class has its article', () => {
  const told = ['airplane', 'Automobile', 'cat'].map(words.withArticle);
  assert.deepEqual(told, ['an airplane', 'an Automobile', 'a cat']);
});

test('networks are right or wrong where it is known what they were shown', () => {
  const said = (...answers) =>
    words.agreement(
      answers.map((answer) => ({ answer })),
      'cat',
    );
  assert.deepEqual(said('cat', 'cat'), { common: 'cat', sentence: 'All 2 are right' });
  assert.deepEqual(said('dog', 'cat', 'dog'), { common: 'cat', sentence: '1 of 3 is right' });
  assert.equal(said('dog', 'cat', 'cat').sentence, '2 of 3 are right');
  assert.equal(said('dog', 'dog').sentence, 'None of 2 is right');
  assert.equal(words.labelFor('cat', [{ classes: ['cat'] }, { classes: ['disc'] }]), undefined);
});

test('networks agree, or most do, or two parties are even, or none does', () => {
  const said = (...answers) => words.agreement(answers.map((answer) => ({ answer })));
  assert.deepEqual(said('cat', 'cat'), { common: 'cat', sentence: 'All 2 say cat' });
  assert.deepEqual(said('dog', 'cat', 'cat'), { common: 'cat', sentence: '2 of 3 say cat' });
  const tie = { common: undefined, sentence: '2 say cat, 2 say dog' };
  assert.deepEqual(said('cat', 'dog', 'cat', 'dog', 'ship'), tie);
  assert.deepEqual(said('cat', 'dog'), { common: undefined, sentence: 'Each says something else' });
});

test('a network says what it was trained on, and how well it does if that is known', () => {
  const network = { title: 'Tiny', parameters: 62_006, dataset: 'shapes', test_accuracy: 0.732 };
  const start = 'Tiny: 62,006 parameters, trained on shapes, ';
  assert.equal(plain(words.provenance(network)), `${start}73.2 % right on its test images.`);
  assert.equal(
    words.provenance({ ...network, test_accuracy: undefined }),
    `${start}its accuracy unknown.`,
  );
});

test('all classes are shown in their order, or of very many the ten most probable', () => {
  assert.deepEqual(shownClasses([0.1, 0.7, 0.2]), [0, 1, 2]);
  const many = Array.from({ length: 30 }, (_, n) => (n * 7) % 30); // 30 different ones
  const shown = shownClasses(many);
  assert.deepEqual(
    shown.map((n) => many[n]),
    [29, 28, 27, 26, 25, 24, 23, 22, 21, 20],
  );
});

test('what files say of their training is told, and in which settings they differ', () => {
  const recipe = { data: 'shapes', epochs: 3, lr: 0.1 / 3, batch_size: 64, flip: true, width: 1 };
  const one = { dataset: 'shapes', test_accuracy: 0.8, recipe };
  const other = { dataset: 'shapes', recipe: { ...recipe, flip: false, depth: 8 } };
  const told = (...networks) =>
    networks.map((network) => plain(words.training(network, words.settingsOf(networks))));
  const usual = '3 epochs, lr 0.0333, batch 64';
  assert.deepEqual(told(one), [`shapes, 80.0 % right, ${usual}`]);
  assert.deepEqual(told(one, other, {}), [
    `shapes, 80.0 % right, ${usual}, flip true`,
    `shapes, ${usual}, flip false`,
    'its file does not say',
  ]);
});
