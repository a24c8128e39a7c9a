// What reveal-md calls for the page of a deck, served or built, with the deck's Markdown.

import { errorSlide, expand } from './directives.mjs';
import { named, readLooks, SERVED } from './links.mjs';
import { root } from '../project.mjs';

/** Text that stays itself inside of an element, whatever it holds. */
function escapeMarkup(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/**
 * Fill in a deck, and give the page template what it needs.
 *
 * @param {string} markdown the deck without its front matter
 * @param {object} options reveal-md's settings and the front matter; the template sees what is set.
 *   render.mjs adds `file` and `text`, the deck's path and whole text, `mistake`, a sentence where it
 *   cannot be read, and `usual`, the theme and the colors of code where the deck's own are missing
 * @returns {string} the Markdown for the page's textarea
 */
export default function preprocess(markdown, options) {
  const { file = 'slides/deck.md', text = markdown, mistake, separator } = options;
  const { verticalSeparator, usual } = options;
  // `base` is there in a static build only; served pages live at the root.
  const assets = options.base ?? SERVED;
  options.staticBase = `${assets}/static`;
  // reveal-md would also publish the command line among reveal.js' options.
  const publish = (deckOptions) => {
    options.deckOptions = JSON.stringify(deckOptions).replaceAll('<', '\\u003c');
  };
  publish(options.revealOptions ?? {});
  const tell = (problems) =>
    escapeMarkup(errorSlide(problems.map((problem) => ({ file, line: 1, ...problem }))));
  const link = () => {
    options.highlightUrl = `${options.base ?? ''}/css/highlight/${options.highlightTheme}.css`;
  };
  link();
  if (mistake) return tell([{ directive: file, message: mistake }]);
  try {
    const context = { root, file, assets };
    const looks = readLooks(options, context);
    Object.assign(options, { styles: looks.styles, ownScripts: looks.scripts });
    if (looks.problems.length > 0) {
      Object.assign(options, usual);
      link();
      return tell(looks.problems);
    }
    const firstLine = text.slice(0, text.length - markdown.length).split('\n').length;
    const deck = expand(markdown, { ...context, firstLine, separator, verticalSeparator });
    for (const each of [...looks.files, ...deck.files]) named.add(each);
    // Slides that say how long they take give the speaker view its pacing.
    if (deck.markdown.includes('data-timing=')) {
      publish({ defaultTiming: 0, ...options.revealOptions });
    }
    return escapeMarkup(deck.markdown);
  } catch (error) {
    // A server must outlive whatever is in a deck, be it a separator that is no expression.
    return tell([{ directive: 'front matter', message: error.message }]);
  }
}
