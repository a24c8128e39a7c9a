// What a deck without a title is called, and one without a slide.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { expand } from '../../slides/reveal/expand/directives.mjs';
import { linesBelow } from '../../slides/reveal/expand/heading.mjs';
import { root } from '../../slides/reveal/project.mjs';

const form = { separator: '<!--s-->', verticalSeparator: '<!--v-->', assets: '.' };
/** @param {string} [title] */
const read = (markdown, title) =>
  expand(markdown, { root, file: 'slides/a/nets.md', firstLine: 1, ...form, title });

test('a deck is called by its title, by what its first page has for a heading, or by its name', () => {
  const hidden = '<!-- .slide: data-visibility="hidden" -->\n# Kept back\n';
  for (const [markdown, title] of [
    ['## My *own* [heading](#/1) ##', 'My own heading'],
    ['   ## R&eacute;sum&eacute; &amp; C\\*', 'Résumé & C*'],
    ['The nets\n========\n', 'The nets'],
    [`${hidden}<!--s-->\n## Shown\n`, 'Shown'],
    ['# {{ static/facts.json: lenet.paper.parameters }} weights', /^[\d,]+ weights$/],
    ['Why $x^2$\n---\n', 'Why x2'],
    ['Text\n\nNote:\n## Answer\n', 'a/nets'],
    ['Text\n\n```sh\n# install\n```\n<!-- # not this -->\n<!--s-->\n# B\n', 'a/nets'],
  ]) {
    const shown = String(read(markdown).title);
    if (title instanceof RegExp) assert.match(shown, title);
    else assert.equal(shown, title);
  }
  assert.equal(read('# A', 'Mine').title, 'Mine');
  assert.deepEqual(linesBelow('A\n\n## B\n\n*C*\nD\n\nNote: E'), ['A', 'C', 'D']);
});

test('a deck of which no slide is shown tells so on its one slide', () => {
  const deck = read('<!-- .slide: data-visibility="hidden" -->\n# A\n');
  assert.equal(deck.problems.length, 1);
  assert.match(deck.markdown, /no slide of it is shown/);
  assert.equal(deck.title, 'a/nets');
});
