// How HTML comes about: from text, and from the templates of pages.

import fs from 'node:fs';

import { load } from './project.mjs';

const { default: Mustache } = await load('mustache');

/** Escape text for HTML, and for Markdown, which would take more for its own. */
export const escapeText = (text) =>
  String(text).replace(/[&<>"'*_`[\]|\\~]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Text that is HTML already, for an attribute: on one line, without its quotes. */
export const asAttribute = (text) => text.trim().replace(/\s+/g, ' ').replaceAll('"', '&quot;');

/**
 * Fill in a page.
 *
 * @param {URL} template a file; what it names by `{{> part}}` lies beside it as `part.html`
 * @param {object} values
 */
export function fillIn(template, values) {
  const part = (name) => fs.readFileSync(new URL(`${name}.html`, template), 'utf8');
  return Mustache.render(fs.readFileSync(template, 'utf8'), values, part, { escape: escapeText });
}
