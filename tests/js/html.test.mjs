// Text that becomes HTML, and pages from their templates.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { asAttribute, escapeText, fillIn } from '../../slides/reveal/html.mjs';

test('text stays text in HTML and in Markdown', () => {
  const escaped = escapeText('<b>"bold" & *starred* _under_ `code` [a](b) | ~no~ \\ \'q\'</b>');
  assert.doesNotMatch(escaped, /[<>"'*_`[\]|\\~]|&(?!#\d+;)/);
  const back = escaped.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
  assert.equal(back, '<b>"bold" & *starred* _under_ `code` [a](b) | ~no~ \\ \'q\'</b>');
  assert.equal(escapeText(3), '3');
});

test('HTML that becomes an attribute keeps what is escaped in it', () => {
  assert.equal(asAttribute('\n a &amp; "b"\n  c '), 'a &amp; &quot;b&quot; c');
});

test('a page is filled in with the parts beside it, and its values cannot leave their place', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'page-'));
  fs.writeFileSync(path.join(folder, 'page.html'), '<p>{{said}}{{{kept}}}</p>{{> foot}}');
  fs.writeFileSync(path.join(folder, 'foot.html'), '<i>{{said}}</i>');
  const template = new URL('page.html', `${pathToFileURL(folder)}/`);
  const page = fillIn(template, { said: '<', kept: '<br>' });
  fs.rmSync(folder, { recursive: true });
  assert.equal(page, '<p>&#60;<br></p><i>&#60;</i>');
});
