// What reveal-md calls for the page of a deck, served or built, with the deck's Markdown.

import { errorSlide, expand } from './directives.mjs';
import { titleOf } from './heading.mjs';
import { named, readLooks, SERVED } from './links.mjs';
import { readJson, root, siteAddress } from '../project.mjs';

/** Text that stays itself inside of an element, whatever it holds. */
function escapeMarkup(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** What stands at the foot of each slide where a deck leaves it to slides/course.json. */
function footerOfTheCourse() {
  const { footer } = readJson('slides/course.json', { footer: 'text' });
  const address = siteAddress(readJson('package.json').homepage);
  return address ? `${footer} · ${address.replace(/^https?:..|.$/g, '')}` : footer;
}

/** Set what the page says of a deck besides its slides; return the options of reveal.js. */
function describe(options) {
  const { lang = 'en', dir, footer } = options;
  const isRtl = options.revealOptions?.rtl ?? dir === 'rtl';
  const footerText = asCss(footer === true ? footerOfTheCourse() : footer);
  Object.assign(options, { lang, dir: isRtl ? 'rtl' : 'ltr', footerText });
  return { ...options.revealOptions, ...(isRtl && { rtl: true }) };
}

/** A text as CSS takes it for content, where the slides get it from; undefined stays so. */
const asCss = (text) => text && `"${text.replace(/["\\]/g, '\\$&').replace(/\s+/g, ' ').trim()}"`;

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
  const { verticalSeparator, bibliography, usual, title } = options;
  options.pageTitle = titleOf({ title, file });
  // `base` is there in a static build only; served pages live at the root.
  const assets = options.base ?? SERVED;
  options.staticBase = `${assets}/static`;
  // reveal-md would also publish the command line among reveal.js' options.
  const publish = (deckOptions) => {
    options.deckOptions = JSON.stringify(deckOptions).replaceAll('<', '\\u003c');
  };
  const revealOptions = describe(options);
  publish(revealOptions);
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
    const form = { firstLine, separator, verticalSeparator, bibliography, title };
    const deck = expand(markdown, { ...context, ...form });
    options.pageTitle = deck.title;
    for (const each of [...looks.files, ...deck.files]) named.add(each);
    // Slides that say how long they take give the speaker view its pacing.
    if (deck.markdown.includes('data-timing=')) {
      publish({ defaultTiming: 0, ...revealOptions });
    }
    return escapeMarkup(deck.markdown);
  } catch (error) {
    // A server must outlive whatever is in a deck, be it a separator that is no expression.
    return tell([{ directive: 'front matter', message: error.message }]);
  }
}
