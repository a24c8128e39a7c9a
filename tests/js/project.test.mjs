// What commands say of a file that is not as it should be.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  frontMatterMistake,
  misfit,
  printedName,
  readFront,
  wayUp,
} from '../../slides/reveal/project.mjs';

test('a value of JSON that does not fit is named by its key', () => {
  const shape = {
    name: 'text',
    runs: [{ seconds: 'number' }],
    'more?': [],
    variants: { '*': 'text' },
  };
  const good = { name: 'a', runs: [{ seconds: 1 }], variants: { b: 'c' }, other: null };
  assert.equal(misfit(good, shape), undefined);
  assert.equal(misfit({ ...good, more: [1, {}] }, shape), undefined);
  /** @type {[object, string][]} */
  const changes = [
    [{ name: undefined }, 'name is missing'],
    [{ name: 1 }, 'name is not a text'],
    [{ runs: {} }, 'runs is not a list'],
    [{ runs: [] }, 'runs.0 is missing'],
    [{ runs: [{ seconds: 1 }, { seconds: '1' }] }, 'runs.1.seconds is not a number'],
    [{ more: 'x' }, 'more is not a list'],
    [{ variants: [] }, 'variants is not a set of names and values'],
    [{ variants: { b: null } }, 'variants.b is not a text'],
  ];
  for (const [change, mistake] of changes) {
    assert.equal(misfit({ ...good, ...change }, shape), mistake);
  }
  assert.equal(misfit([], {}), 'it is not a set of names and values');
});

test('a mistake in front matter has the line of the deck', () => {
  const mark = { line: 1, buffer: 'theme: evo\ntitle: Nets: a course\n' };
  const quotes = 'a text with a colon in it must be in quotes';
  assert.deepEqual(frontMatterMistake({ mark, reason: 'bad', message: '' }), {
    line: 3,
    message: quotes,
  });
  const other = { line: 1, buffer: '\ntitle: [a\n' }; // behind the first line's CRLF
  assert.deepEqual(frontMatterMistake({ mark: other, reason: 'bad', message: '' }), {
    line: 2,
    message: 'bad',
  });
  assert.equal(frontMatterMistake({ message: 'one\ntwo' }).message, 'one');
});

test('what a deck says of itself is as the page needs it', () => {
  const read = (front) => readFront({ safeLoadFront: () => ({ __content: '', ...front }) }, '');
  const good = { lang: 'he', dir: 'rtl', footer: 'F'.repeat(80), bibliography: { he: 'He' } };
  assert.equal(read(good).dir, 'rtl');
  assert.equal(read({ ...good, title: 2026, revealOptions: null }).title, 2026);
  assert.equal(read({ ...good, footer: true }).footer, true);
  /** @type {[object, string][]} */
  const changes = [
    [{ lang: 1 }, 'lang is not a text'],
    [{ dir: 'right' }, 'dir is neither ltr nor rtl'],
    [{ footer: 7 }, 'footer is not a text'],
    [
      { footer: 'F'.repeat(81) },
      'footer has more than 80 characters, for which a slide has no room',
    ],
    [{ title: { Nets: 'a course' } }, 'title is not a text'],
    [{ revealOptions: 'route' }, 'revealOptions is not a set of names and values'],
    [{ bibliography: 'refs.bib' }, 'bibliography is not a set of names and values'],
    [{ bibliography: { he: 2016 } }, 'bibliography.he is not a text'],
  ];
  for (const [change, mistake] of changes) {
    assert.throws(() => read({ ...good, ...change }), { message: `front matter: ${mistake}` });
  }
});

test('a deck in a folder knows its way up, and its PDF lies with the others', () => {
  assert.deepEqual(['a', 'b/a', 'c/b/a'].map(wayUp), ['.', './..', './../..']);
  assert.equal(printedName('c/b/a'), 'c-b-a');
});
