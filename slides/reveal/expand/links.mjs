// Finds what a deck names: pictures, videos, style sheets, files to download, other decks. Pages that
// are served, built and printed all get their addresses from here, so that each shows the same.

import fs from 'node:fs';
import path from 'node:path';

import { isPlainFile, listDecks } from '../project.mjs';

/** Where served pages find the project's folders; in the site it is the way up to the first page. */
export const SERVED = '/_assets';

/** The files of slides/ that a deck has named since the server started: it sends no others. */
export const named = new Set();

// Of code/ only the lessons are on the site.
export const LESSON = /^code\/[^/]+\.py$/;
const PROJECT_FOLDERS = ['code', 'slides', 'static'];
// Pages that belong to no deck.
const PAGES = { 'live.html': 'live.html', 'index.html': '' };
// Another scheme (two letters at least: Windows has drives), another host, data in the address.
const ELSEWHERE = /^(?:[a-z][a-z\d+.-]+:|\/\/)/i;
// What the server would not take for the name of a file.
export const NOT_SENT = /[%\\?#:\p{Cc}]|\/\/|\.\./u;

const above = (place) => path.posix.dirname(place);
const isSlidesFile = (place) => place.startsWith('slides/') && !place.startsWith('slides/reveal/');

/** Decode a part of an address; what is no code stays as it is. */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Throw an Error that says why a file of the project, `static/…` for instance, is on no page. */
function check(root, place, reference) {
  const [folder, ...rest] = place.split('/');
  if (folder === 'code' && !LESSON.test(place))
    throw new Error('of code/ only its lessons, code/NAME.py, are on the site');
  if (!['code', 'static'].includes(folder) && !isSlidesFile(place))
    throw new Error('a page finds files in slides/ and static/ alone: put it there');
  if (NOT_SENT.test(place)) throw new Error('no address can have this name in it: rename the file');
  if (isPlainFile(path.join(root, folder), rest.join('/'))) return;
  if (fs.existsSync(path.join(root, place)))
    throw new Error('that is a folder, hidden, or a link that leads away: it is not sent');
  throw new Error(`there is no such file${place === reference ? '' : `: ${place}`}`);
}

/**
 * Return the function that reads what one deck names.
 *
 * @param {object} context
 * @param {string} context.root the project's folder
 * @param {string} context.file the deck, `slides/NAME.md`
 * @param {string} context.assets where its page finds the project's folders
 * @returns {(reference: string) => {address: string, place?: string}} takes what stands in
 *   the deck; returns what stands in its page, and the file's path from `root` where it is a file of
 *   ours; throws an Error when there is none
 */
export function resolver({ root, file, assets }) {
  const isServed = assets === SERVED;
  const home = isServed ? '' : assets;
  return (reference) => {
    const whole = reference.trim();
    const [written] = whole.split(/[?#]/, 1);
    const rest = whole.slice(written.length);
    if (/^file:/i.test(written))
      throw new Error('that is on this machine alone: put it beside the deck');
    if (written === '' || ELSEWHERE.test(written)) return { address: reference };
    if (written.startsWith('/'))
      throw new Error('that begins with a slash: write its path relative to the deck');
    const name = decode(written.replaceAll('&amp;', '&'));
    const isOfProject = PROJECT_FOLDERS.includes(name.split('/')[0]);
    const place = path.posix.normalize(isOfProject ? name : path.posix.join(above(file), name));
    const lead = (to) =>
      `${encodeURI(to).replace(/[()']/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`.replaceAll(
        '&',
        '&amp;',
      ) + rest;
    if (Object.hasOwn(PAGES, written) && !fs.existsSync(path.join(root, place)))
      return { address: lead(`${home}/${isServed ? PAGES[written] : written}`) };
    if (place.endsWith('.md')) {
      if (!listDecks(root).some((deck) => `slides/${deck}.md` === place))
        throw new Error(`there is no deck ${place}`);
      const deck = place.slice('slides/'.length);
      return { address: lead(`${home}/${isServed ? deck : deck.replace(/md$/, 'html')}`) };
    }
    check(root, place, name);
    return { address: lead(`${assets}/${place}`), place };
  };
}

const CSS_NAME = /\/\*[^]*?\*\/|url\(\s*(["']?)([^"')]*)\1\s*\)|@import\s+(["'])(.*?)\3/g;

/** Replace each file that CSS names. */
function replaceInCss(css, replace) {
  return css.replace(CSS_NAME, (match, _, url, quote, imported) => {
    const reference = url ?? imported;
    return reference ? match.replace(reference, () => replace(reference)) : match;
  });
}

const ATTRIBUTE = /(\s([\w:-]+)\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>`]+)/g;
// What reveal.js takes for a picture, and not for a color.
const PICTURE = /\.(?:svg|png|jpe?g|gif|bmp|webp)(?:[?#\s]|$)/i;

/** @type {[RegExp, (value: string, replace: (reference: string) => string) => string][]} */
const NAMING = [
  // Data in the address.
  [/=.*data:/s, (value) => value],
  [
    /^(?:src|href|xlink:href|poster|data|data-src|data-background-iframe)=/i,
    (value, replace) => replace(value),
  ],
  [/^data-background-(?:image|video)=/i, (value, replace) => value.replace(/[^\s,]+/g, replace)],
  [
    /^(?:data-|image)?srcset=/i,
    (value, replace) =>
      value.replace(
        /([^\s,]+)((?:\s+[\d.]+[wxh])?\s*(?:,|$))/g,
        (_, url, size) => replace(url) + size,
      ),
  ],
  [/^style=/i, (value, replace) => replaceInCss(value, replace)],
  [/^data-background=/i, (value, replace) => (PICTURE.test(value) ? replace(value) : value)],
  [/^data-[^=]+=(?:static|code)\//i, (value, replace) => replace(value)],
];

/** Replace each file that the attributes of an element, or of a slide's comment, name. */
function replaceInAttributes(text, replace) {
  return text.replace(ATTRIBUTE, (match, before, name, quoted) => {
    const quote = /^["']/.exec(quoted)?.[0] ?? '';
    const value = quote ? quoted.slice(1, -1) : quoted;
    const [, read] = NAMING.find(([kind]) => kind.test(`${name}=${value}`)) ?? [];
    const shown = read?.(value, replace) ?? value;
    return shown === value ? match : `${before}${quote}${shown}${quote}`;
  });
}

/** A listing, to its end or the slide's. */
export const LISTING =
  /^ {0,3}(?<fence>`{3,}|~{3,}).*(?:\n(?! {0,3}\k<fence>[`~]*[ \t]*$).*)*(?:\n.*)?/;
const CODE_IN_LINE = /(?<![`\\])(?<ticks>`+)(?!`)(?:(?!\n[ \t]*\n)[^])*?(?<!`)\k<ticks>(?!`)/;
const COMMENT = /<!--(?<comment>[^]*?)-->/;
const TAG = /<[a-z][\w:-]*(?=[\s/>])(?<attributes>(?:"[^"]*"|'[^']*'|[^"'<>])*)>/;
// Markdown's links and pictures, and what stands for them elsewhere on the slide.
const LINK =
  /(?<!\\)(?<!\\\[[^[\]\n]*)\]\(\s*(?:<(?<bracketed>[^<>\n]*)>|(?<link>(?:[^\s()<>]|\([^\s()]*\))+))/;
const DEFINITION =
  /^ {0,3}\[(?!\^)[^\]\n]+\]:[ \t]*(?:<(?<definedInBrackets>[^<>\n]*)>|(?<defined>\S+))/;

/** The parts of a slide that are no words. */
export const NO_WORDS = [LISTING, CODE_IN_LINE, COMMENT, TAG, LINK, DEFINITION];

/** An expression that finds the first of several, with their groups. */
export const anyOf = (parts) => new RegExp(parts.map(({ source }) => source).join('|'), 'gim');

// The parts of a slide's text, of which some name files.
const PARTS = anyOf([
  LISTING,
  CODE_IN_LINE,
  COMMENT,
  /(?<=<style\b[^<>]*>)(?<css>[^]+?)(?=<\/style>)/,
  /(?<=<script\b[^<>]*>)[^]+?(?=<\/script>)/,
  TAG,
  LINK,
  DEFINITION,
]);

/**
 * Replace each file and each address that a slide names, but not those in its code.
 *
 * @param {string} text of the slide, as it is written
 * @param {(reference: string, offset: number) => string} replace also gets the place in `text`
 * @returns {string} the slide with what `replace` returned; as many lines
 */
export function replaceLinks(text, replace) {
  return text.replace(PARTS, (match, ...rest) => {
    const [offset, , found] = rest.slice(-3);
    let read = 0; // so that a file that is named twice has two places
    const here = (reference) => {
      read = match.indexOf(reference, read);
      return replace(reference, offset + Math.max(read, 0));
    };
    const { comment, css, attributes, bracketed, link, defined, definedInBrackets } = found;
    if (comment !== undefined)
      return /^\s*\.(?:slide|element)/.test(comment) ? replaceInAttributes(match, here) : match;
    if (css !== undefined) return replaceInCss(match, here);
    if (attributes !== undefined) return replaceInAttributes(match, here);
    const reference = bracketed ?? link ?? defined ?? definedInBrackets;
    if (!reference) return match;
    const at = match.lastIndexOf(reference);
    return match.slice(0, at) + here(reference) + match.slice(at + reference.length);
  });
}

/** The files of slides/ among `places`, and those that style sheets and pages among them name. */
export function withTheirOwn(root, places) {
  const all = new Set(places);
  for (const place of all) {
    const isCss = place.endsWith('.css');
    if (!isCss && !(isSlidesFile(place) && /\.html?$/.test(place))) continue;
    const resolve = (reference) => {
      const [written] = reference.trim().split(/[?#]/);
      if (written === '' || ELSEWHERE.test(written)) return reference;
      const name = path.posix.join(above(place), decode(written));
      try {
        check(root, name, written);
        all.add(name);
      } catch (error) {
        // A page of its own may name anything, in its scripts for instance.
        if (isCss) throw new Error(`${place}: ${written}: ${error.message}`);
      }
      return reference;
    };
    const text = fs.readFileSync(path.join(root, place), 'utf8');
    if (isCss) replaceInCss(text, resolve);
    else replaceLinks(text, resolve);
  }
  return [...all].filter(isSlidesFile);
}

const list = (value) =>
  (Array.isArray(value) ? value : String(value ?? '').split(','))
    .map((each) => String(each).trim())
    .filter(Boolean);

/**
 * Read what the front matter of a deck says about its looks.
 *
 * @param {object} options reveal-md's settings and the front matter
 * @param {object} context of `resolver`
 * @returns {{styles: string[], scripts: string[], files: string[], problems: {directive: string,
 *   message: string}[]}} addresses of its style sheets and scripts, their paths, what is wrong
 */
export function readLooks(options, context) {
  const { root } = context;
  const problems = [];
  const { theme, highlightTheme } = options;
  const isThere = (...parts) => isPlainFile(path.join(root, ...parts.slice(0, -1)), parts.at(-1));
  if (!isThere('static', 'css', `${theme}.css`)) {
    problems.push({ directive: 'theme', message: `there is no static/css/${theme}.css` });
  }
  if (!isThere('node_modules', 'highlight.js', 'styles', `${highlightTheme}.css`)) {
    problems.push({
      directive: 'highlightTheme',
      message: `highlight.js has no ${highlightTheme}`,
    });
  }
  const resolve = resolver(context);
  const files = [];
  const addresses = (directive, value) =>
    list(value).map((reference) => {
      try {
        if (ELSEWHERE.test(reference)) throw new Error('it is elsewhere: put it into slides/');
        const { address, place } = resolve(reference);
        if (place) files.push(...withTheirOwn(root, [place]));
        return address;
      } catch (error) {
        problems.push({ directive: `${directive}: ${reference}`, message: error.message });
        return '';
      }
    });
  const styles = addresses('css', options.css);
  const scripts = addresses('scripts', options.scripts);
  return { styles, scripts, files, problems };
}
