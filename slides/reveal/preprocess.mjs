// What reveal-md calls on each request, and for each page of the site, with a deck's Markdown.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { errorSlide, expand } from './directives.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Tell which deck this is the text of, and on which of its lines it begins: reveal-md does not. */
function locate(markdown) {
  for (const name of fs
    .readdirSync(path.join(root, 'slides'))
    .filter((entry) => entry.endsWith('.md'))) {
    const whole = fs.readFileSync(path.join(root, 'slides', name), 'utf8');
    if (whole.endsWith(markdown)) {
      const before = whole.slice(0, whole.length - markdown.length);
      return { file: `slides/${name}`, firstLine: before.split('\n').length };
    }
  }
  return { file: 'the deck', firstLine: 1 };
}

/** Text that stays itself inside of an element, whatever it holds. */
function escapeMarkup(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/**
 * Fill in a deck, and give the page template what it needs.
 *
 * @param {string} markdown the deck without its front matter
 * @param {object} options reveal-md's settings and the front matter; the template sees what is set
 * @returns {string} the Markdown for the page's textarea
 */
export default function preprocess(markdown, options) {
  // `base` is there in a static build only; served pages live at the root.
  const assets = options.base ?? '/_assets';
  options.staticBase = `${assets}/static`;
  // reveal-md would also publish the command line among reveal.js' options.
  const publish = (deckOptions) => {
    options.deckOptions = JSON.stringify(deckOptions).replaceAll('<', '\\u003c');
  };
  publish(options.revealOptions ?? {});
  try {
    const { separator, verticalSeparator } = options;
    const deck = expand(markdown, {
      root,
      separator,
      verticalSeparator,
      assets,
      ...locate(markdown),
    });
    // Slides that say how long they take give the speaker view its pacing.
    if (deck.markdown.includes('data-timing=')) {
      publish({ defaultTiming: 0, ...options.revealOptions });
    }
    return escapeMarkup(deck.markdown);
  } catch (error) {
    // A server must outlive whatever is in a deck, be it a separator that is no expression.
    const problem = {
      file: 'the deck',
      line: 1,
      directive: 'front matter',
      message: error.message,
    };
    return escapeMarkup(errorSlide([problem]));
  }
}
