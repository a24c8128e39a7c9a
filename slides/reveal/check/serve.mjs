// What the server of `make present` sends for the strip that tells, on the slide itself, what is wrong
// with it: two scripts, and for each deck what is wrong in its text. None of it is on the site.

import fs from 'node:fs';

import { listDecks, Refusal } from '../project.mjs';

const ADDRESS = /^\/check\/(?:(strip|inspect)\.js|(.+)\.json)$/;

/** What is wrong in the text of a deck, by the places of its slides. */
async function readDeck(name) {
  const { readText, slideAt, slidesOf } = await import('./read.mjs');
  const { tryDecks } = await import('../site/build.mjs');
  try {
    const { decks } = tryDecks();
    const deck = decks.find((each) => each.name === name);
    if (deck === undefined) return []; // its page says why
    const slides = slidesOf(deck);
    return readText(deck, decks).map(({ line, said }) => ({
      place: slideAt(slides, line).place,
      said: `line ${line}: ${said}`,
    }));
  } catch (error) {
    if (error instanceof Refusal) return []; // make check tells what cannot be read
    throw error;
  }
}

/**
 * What there is at an address: its type and its text; undefined when it is none of these.
 *
 * @returns {Promise<[string, string | Buffer] | undefined>}
 */
export async function readCheck(address) {
  const [, script, deck] = ADDRESS.exec(address) ?? [];
  if (script) {
    const file = new URL(`${script}.js`, import.meta.url);
    return ['text/javascript; charset=utf-8', fs.readFileSync(file)];
  }
  if (deck === undefined || !listDecks().includes(deck)) return undefined;
  return ['application/json; charset=utf-8', JSON.stringify(await readDeck(deck))];
}
