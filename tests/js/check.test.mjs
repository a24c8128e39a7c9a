// What `make check` reads in a deck's text.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readText, titleOf, typedNumbers } from '../../slides/reveal/check/read.mjs';

const RECORD = '{{ static/results/lenet.json: recipe.epochs | decimals 10 }}\n';

/** The numbers of a slide that are taken for a training's. */
const numbers = (text, options = {}) =>
  typedNumbers(text, { isBelow: true, recorded: {}, ...options }).map(({ number, offset }) => {
    assert.equal(text.slice(offset, offset + number.length), number);
    return number;
  });

test('on a slide with a record a typed number is told from a name', () => {
  for (const [text, ...found] of [
    ['chosen on 5,000 held-out images', '5,000'],
    ['73% at 0.05, after 40 epochs', '73', '0.05', '40'],
    ['9% of CIFAR10, by VGG16 and LeNet-5 in 4 minutes', '9%'],
    ['[there](#/11) <a href="a.md#/12">12</a> ![plot 13](img/14.png)', '12', '13'],
    ['86.11 (1998): 2278-2324. <!-- .element: class="cite" -->'],
  ]) {
    assert.deepEqual(numbers(RECORD + text), found, text);
  }
});

test('a number beside what is measured is found', () => {
  for (const [text, ...found] of [
    ['It has 61,706 parameters', '61,706'],
    ['with 25.6 M of them', '25.6 M'],
    ['41 million multiply-accumulates', '41'],
    ['73.4% right', '73.4%'],
    ['an accuracy of about 73.4 is low', 'accuracy of about 73.4'],
    ['after 40 long epochs', '40'],
    ['in 288.8 s', '288.8 s'],
    ['MACs: 12; parameters = 7', 'MACs: 12', 'parameters = 7'],
    ['The accuracy rises. 3x3 and 5x5, VGG16 on CIFAR10, in the paper of 2015'],
    ["the epochs of 1998 and LeNet-5's parameters: C5 and F6"],
    ['64 to 512 maps, 1000 classes'],
    ['all of its 3,773,482 weights', '3,773,482'],
    ['Note:\n3 minutes.'],
    ['<p style="width: 38%">A</p> ::: {width="40%"}'],
  ]) {
    assert.deepEqual(numbers(text), found, text);
    assert.deepEqual(numbers(text, { isBelow: false }), [], text);
  }
});

test('what is recorded of a network may be typed nowhere beside its name', () => {
  const written = new Map([
    ['61706', 'PARAMETERS'],
    ['73.2%', 'ACCURACY'],
  ]);
  const options = { isBelow: false, recorded: { lenet: written } };
  for (const [text, ...found] of [
    ['LeNet has 61,706 parameters and is right in 73.2 %', '61,706', '73.2 %'],
    ['Le-Net: 61706', '61706'],
    ['AlexNet has 61,706 parameters'],
    ['LeNet has 61,707 parameters'],
  ]) {
    assert.deepEqual(numbers(text, options), found, text);
  }
  const [first] = typedNumbers('LeNet: 61,706', options);
  assert.equal(first.instead, 'PARAMETERS');
});

test('the title of a slide has words alone', () => {
  assert.equal(
    titleOf('A <!-- .element: class="kicker" -->\n\n### The *Le*Net <b>x</b>'),
    'The LeNet x',
  );
  assert.equal(titleOf('no heading'), '');
});

test('a deck that does without notes is told so once', () => {
  const said = (...texts) => {
    const lines = [texts.map((_, n) => 10 * n)];
    const deck = { name: 'other', columns: [texts], lines };
    return readText(deck, [deck]).map((each) => `${each.line}: ${each.said.split(':')[0]}`);
  };
  const without = 'the notes are missing';
  const untimed = 'the notes do not begin with the minutes that the slide takes';
  assert.deepEqual(said('# A', '# B'), [`0: on every slide ${without}`]);
  assert.deepEqual(said('# A', '\n# B\n\nNote:\n1 minute.'), [`0: ${without}`]);
  assert.deepEqual(said('# A\nnote: x', '# B\n\nNote: y'), [`1: on every slide ${untimed}`]);
  assert.deepEqual(said('# A', '# B\n\nNote:\nIt takes 1 minute.'), [
    `0: ${without}`,
    `12: ${untimed}`,
  ]);
});
