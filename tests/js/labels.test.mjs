// The labels that a PDF's pages get.

import assert from 'node:assert/strict';
import test from 'node:test';

import { labelPages } from '../../slides/reveal/print/labels.mjs';

const CATALOG = '\n7 0 obj\n<</Type /Catalog\n/Pages 2 0 R\n/Lang (en)>>\nendobj\n';
const END = 'xref\n0 8\ntrailer\n<</Size 8\n/Root 7 0 R>>\nstartxref\n123\n%%EOF\n';

test('pages are labelled by what is added behind a PDF', () => {
  const pdf = Buffer.from(`%PDF-1.4\n${CATALOG}${END}`);
  const labelled = labelPages(pdf, ['1', '', 'A (b)']).toString('latin1');
  assert.ok(labelled.startsWith(pdf.toString('latin1')));
  const added = labelled.slice(pdf.length);
  assert.match(added, /^7 0 obj\n<<\/Type \/Catalog\n\/Pages 2 0 R\n\/Lang \(en\)\n\/PageLabels /);
  assert.match(added, /\[0 <<\/P \(1\)>> 1 <<\/P \(2\)>> 2 <<\/P \(A \\\(b\\\)\)>>\]/);
  assert.match(added, /\/Root 7 0 R\n\/Prev 123>>/);
  const [, start] = /startxref\n(\d+)\n%%EOF\n$/.exec(labelled) ?? [];
  assert.equal(labelled.slice(Number(start), Number(start) + 5), 'xref\n');
  assert.ok(added.includes(`\n${String(pdf.length).padStart(10, '0')} 00000 n \n`));
});

test('a PDF without numbers, or built in another way, stays as it is', () => {
  const pdf = Buffer.from(`%PDF-1.4\n${CATALOG}${END}`);
  assert.equal(labelPages(pdf, ['', '']), pdf);
  for (const other of [`%PDF-1.7\n${CATALOG}startxref\n9\n%%EOF\n`, `%PDF-1.4\n${END}`, '']) {
    const bytes = Buffer.from(other);
    assert.equal(labelPages(bytes, ['1']), bytes);
  }
});
