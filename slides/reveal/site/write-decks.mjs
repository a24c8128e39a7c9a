// Writes the pages of some decks into the site's folder, and of reveal.js what they ask for. reveal-md,
// which this loads, takes its settings from the command line and the working directory.

import fs from 'node:fs';
import path from 'node:path';

import { highlightThemePath, revealBasePath } from 'reveal-md/lib/config.js';

import { wayUp } from '../project.mjs';
import { renderDeck } from '../serve/render.mjs';

const ASKED = /(?:src|href)="[./]*\/((dist|plugin|css\/highlight)\/([^"]+))"/g;
const HOMES = {
  dist: path.join(revealBasePath, 'dist'),
  plugin: path.join(revealBasePath, 'plugin'),
  'css/highlight': highlightThemePath,
};

/** Write the pages of the decks of these names into the folder `out`. */
export async function writePages(out, names) {
  for (const name of names) {
    const page = await renderDeck(name, wayUp(name));
    const file = path.join(out, `${name}.html`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, page);
    for (const [, asked, home, rest] of page.matchAll(ASKED)) {
      const copy = path.join(out, asked);
      fs.mkdirSync(path.dirname(copy), { recursive: true });
      fs.copyFileSync(path.join(HOMES[home], rest), copy);
    }
  }
}
