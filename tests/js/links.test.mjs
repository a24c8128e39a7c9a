// What a slide names: files and addresses, but not those in its code.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { replaceLinks } from '../../slides/reveal/expand/links.mjs';

/** What a text names, in its order. */
function namesIn(text) {
  const found = [];
  const same = replaceLinks(text, (reference, offset) => {
    assert.equal(text.slice(offset, offset + reference.length), reference);
    found.push(reference);
    return reference;
  });
  assert.equal(same, text);
  return found;
}

test('every way to name a file is known', () => {
  for (const [text, ...names] of [
    ['![a](b.png) [c](d.pdf "e") [f]( <g h.pdf> )', 'b.png', 'd.pdf', 'g h.pdf'],
    ['[![a](b.png)](c.md#/2)', 'b.png', 'c.md#/2'],
    ['[a]: b.pdf\n[c]: <d e.pdf>', 'b.pdf', 'd e.pdf'],
    ['<img src="a.png" srcset="b.png 1x, c.png 2x">', 'a.png', 'b.png', 'c.png'],
    ["<video poster=a.png src='a.png'></video>", 'a.png', 'a.png'],
    ['<p style="background: url(a.png), url( \'b.png\' )">', 'a.png', 'b.png'],
    ['<style>@import "a.css"; p { background: url("b.png") }</style>', 'a.css', 'b.png'],
    ['<!-- .slide: data-background="a.png" data-b="static/c.png" -->', 'a.png', 'static/c.png'],
    ['<!-- .slide: data-background-image="a.png, b.png" -->', 'a.png', 'b.png'],
  ]) {
    assert.deepEqual(namesIn(text), names, text);
  }
});

test('what only looks like a name is none', () => {
  for (const text of [
    '`![a](b.png)` `` ` <img src="a.png"> ``',
    '```html\n<img src="a.png">\n```',
    '~~~\n[a](b.png)\nto the end of the slide',
    '<!-- <img src="a.png"> -->',
    '<script>const a = "<img src=\'b.png\'>";</script>',
    '<p title="src=a.png" class="b.png" data-c="d.png">',
    '<!-- .slide: data-background="#aabbcc" -->',
    '<img src="data:image/png;base64,AAAA">',
    'f\\[x](y) [^1]: a note',
  ]) {
    assert.deepEqual(namesIn(text), [], text);
  }
});
