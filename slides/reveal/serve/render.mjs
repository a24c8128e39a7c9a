// The page of a deck, and the list of them, as reveal-md makes them. Its own command does not tell the
// preprocessor which deck it is, so that nobody could say where a picture beside the deck lies.
//
// reveal-md reads its settings from the working directory, which has to be the project's.

import './safe-yaml.mjs';

import { getOptions } from 'reveal-md/lib/config.js';
import { render } from 'reveal-md/lib/render.js';
import yamlFrontMatter from 'yaml-front-matter';

import { prepareDiagrams } from '../expand/diagram.mjs';
import { fillIn } from '../html.mjs';
import { listDecks, readDeck, readFront, Refusal } from '../project.mjs';

const LIST = new URL('listing.html', import.meta.url);

/**
 * Return the page of a deck as HTML; where the text cannot be read, it says so.
 *
 * @param {string} name slides/NAME.md
 * @param {string} [base] the way up to the site's folder; without it, the page is for the server
 */
export async function renderDeck(name, base) {
  const { theme, highlightTheme } = getOptions();
  const common = { base, file: `slides/${name}.md`, usual: { theme, highlightTheme } };
  let text = '';
  let mistake;
  try {
    text = readDeck(name);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    mistake = error.message;
  }
  const { title } = readFront(yamlFrontMatter, text);
  await prepareDiagrams(text);
  return render(text, { ...common, title, text, mistake });
}

/** Return the list of the decks as HTML. */
export async function renderList() {
  const { tryDecks } = await import('../site/build.mjs');
  const { decks } = tryDecks();
  const files = listDecks().map((name) => {
    // The page of one that cannot be read says why.
    const { title = name } = decks.find((deck) => deck.name === name) ?? {};
    return { address: `${name}.md`, title };
  });
  return fillIn(LIST, { files });
}
