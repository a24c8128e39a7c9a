import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withLongCode, withSections } from '../../slides/reveal/site/sections.mjs';

test('each heading has an address of its own, in the words of any language', () => {
  const { html, contents } = withSections(
    '<h2>Step 1: <code>x</code> &amp; y</h2><p>a</p><h3>Übung</h3><h2>To try</h2><h2>To <a href="b">try</a></h2><h2>!</h2>',
    ['übung'],
  );
  assert.deepEqual(contents, [
    { id: 'step-1-x-y', title: 'Step 1: <code>x</code> &amp; y' },
    { id: 'to-try', title: 'To try' },
    { id: 'to-try-2', title: 'To try' },
    { id: 'section', title: '!' },
  ]);
  assert.match(html, /<h2 id="to-try-2"><a href="#to-try-2">To try<\/a><\/h2>/);
  assert.match(html, /<p>a<\/p><h3 id="übung-2"><a href="#übung-2">Übung<\/a><\/h3>/);
});

test('code that is longer than a line may be broken', () => {
  const [short, long] = ['--smoke', 'search --cells 8 --channels 16 --epochs 50 --images 0'];
  assert.equal(
    withLongCode(`<code>${short}</code><code>${long}</code>`),
    `<code>${short}</code><code class="long">${long}</code>`,
  );
});
