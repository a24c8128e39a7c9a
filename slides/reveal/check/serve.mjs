// What the server of `make present` sends for the strip that tells, on the slide itself, what is wrong
// with it: two scripts, and for each deck what is wrong in its text. None of it is on the site.

import fs from 'node:fs';

import { listDecks, Refusal } from '../project.mjs';

const ADDRESS = /^\/check\/(?:(strip|inspect)\.js|(.+)\.json)$/;

/** Whether an address is one of these. */
export function isOfCheck(address) {
  const [found, , deck] = ADDRESS.exec(address) ?? [];
  return found !== undefined && (deck === undefined || listDecks().includes(deck));
}

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
 * What there is at one of the addresses: its type and its text.
 *
 * @returns {Promise<[string, string | Buffer]>}
 */
export async function readCheck(address) {
  const [, script, deck] = ADDRESS.exec(address) ?? [];
  return script
    ? ['text/javascript; charset=utf-8', fs.readFileSync(new URL(`${script}.js`, import.meta.url))]
    : ['application/json; charset=utf-8', JSON.stringify(await readDeck(deck))];
}
