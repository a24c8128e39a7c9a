// Markdown that other tools know and marked does not: divs in fences of colons, as in pandoc and
// Quarto, callouts, as on GitHub, and footnotes.
//
//   ::: columns                     a div of that class, to the ::: that closes it
//   ::: {.column width="40%"}       one with more classes and attributes
//   > [!WARNING] An own title       a callout: a quotation with a title
//   [^1], [^1]: its text            a footnote, shown at the foot of each slide that refers to it

import { escapeText } from '../html.mjs';
import { FENCE, NOTES } from './marks.mjs';

/** Begins a line that nobody wrote, so that those who count lines still can. */
export const NEW = '\f';
const NEW_LINE = `\n${NEW}`;

const DIV = /^ {0,3}:{3,}[ \t]*(?:\{(?<attributes>[^}]*)\}|(?<name>[\w-]+))?[ \t]*:*[ \t]*$/;
const ATTRIBUTE = /([.#])([\w-]+)|([\w-]+)=(?:"([^"]*)"|([^\s"]+))/g;
const CALLOUT = /^ {0,3}>[ \t]*\[!(\w+)\][ \t]*(.*)$/;
const QUOTED = /^ {0,3}> ?/;
const FOOTNOTE = /^ {0,3}\[\^([\w-]+)\]:[ \t]*(.*)$/;
const CODE_OR_REFERENCE = /(`+)[^`]*\1|\\[^]|\[\^([\w-]+)\](?!:)/g;

/** Which lines of a text belong to a listing. */
function listingsIn(lines) {
  let fence = '';
  return lines.map((line) => {
    const mark = FENCE.exec(line)?.[1] ?? '';
    const isOpen = fence !== '';
    if (!isOpen) fence = mark;
    else if (mark.startsWith(fence) && line.trim() === mark) fence = '';
    return isOpen || mark !== '';
  });
}

/**
 * Take the footnotes' texts out of some lines: each by its key, with the place of its line.
 *
 * @param {string[]} lines
 * @param {boolean[]} isListing
 * @param {(at: number, key: string) => void} [tellOfSecond] is told of one whose key has a text above
 */
function takeFootnotes(lines, isListing, tellOfSecond) {
  const taken = new Map();
  for (let n = 0; n < lines.length; n += 1) {
    const [, key, first] = (!isListing[n] && FOOTNOTE.exec(lines[n])) || [];
    if (key === undefined) continue;
    const at = n;
    let said = first.trim();
    lines[n] = '';
    for (; /^(?: {2,}|\t)\S/.test(lines[n + 1] ?? ''); n += 1, lines[n] = '')
      said += ` ${lines[n + 1].trim()}`;
    if (taken.has(key)) tellOfSecond?.(at, key);
    else taken.set(key, { text: said, at });
  }
  return taken;
}

/**
 * Read what the footnotes of a deck say, wherever in it.
 *
 * @param {string} markdown the deck without its front matter
 * @param {Record<string, string>} bibliography of the front matter: the text of each by its key
 * @returns {{texts: Map<string, string>, keys: Set<string>}} the texts, and what a slide refers to
 */
export function readFootnotes(markdown, bibliography = {}) {
  const lines = markdown.split('\n');
  const isListing = listingsIn(lines);
  const taken = takeFootnotes(lines, isListing);
  const keys = lines
    .filter((_, n) => !isListing[n])
    .flatMap((line) => [...line.matchAll(CODE_OR_REFERENCE)].map(([, , key]) => key));
  return {
    texts: new Map([
      ...Object.entries(bibliography),
      ...[...taken].map(([key, { text }]) => /** @type {[string, string]} */ ([key, text])),
    ]),
    keys: new Set(keys.filter(Boolean)),
  };
}

/** The opening tag of a div, from what stands behind its colons. */
function openingTag(attributes, name) {
  const classes = name ? [name] : [];
  const others = [];
  const rest = (attributes ?? '').replace(ATTRIBUTE, (_, mark, word, key, quoted, bare) => {
    const value = escapeText(quoted ?? bare ?? word);
    if (mark === '.') classes.push(word);
    else if (mark === '#') others.push(`id="${value}"`);
    else others.push(key === 'width' ? `style="width: ${value}"` : `${key}="${value}"`);
    return '';
  });
  if (rest.trim()) throw new Error(`${rest.trim()} is neither .class, #id nor name="value"`);
  const all = classes.length > 0 ? [`class="${classes.join(' ')}"`, ...others] : others;
  return `<div ${all.join(' ')}>`;
}

// A blank line on either side, so that Markdown stays Markdown within.
const aside = (html) => `${NEW_LINE}${html}${NEW_LINE}`;

/** Turn fences of colons into divs; `mistake` is told the place of a line and what is wrong. */
function makeDivs(lines, isListing, mistake) {
  const open = [];
  const shown = lines.map((line, n) => {
    const div = isListing[n] ? undefined : DIV.exec(line)?.groups;
    if (!div) return line;
    const { attributes, name } = div;
    if (attributes === undefined && name === undefined) {
      if (open.pop() === undefined)
        mistake(n, line.trim(), 'there is no ::: name that this closes');
      return aside('</div>');
    }
    open.push({ n, line });
    try {
      return aside(openingTag(attributes, name));
    } catch (error) {
      mistake(n, line.trim(), error.message);
      return '';
    }
  });
  for (const { n, line } of open) mistake(n, line.trim(), 'no ::: closes it on its slide');
  return shown;
}

/** Turn quotations with a kind into callouts. */
function makeCallouts(lines, isListing) {
  let isOpen = false;
  const shown = [];
  const close = () => {
    // At the end of its last line, so that the next, a listing perhaps, begins as it is written.
    if (isOpen) shown[shown.length - 1] += aside('</div>');
    isOpen = false;
  };
  lines.forEach((line, n) => {
    const isQuoted = !isListing[n] && QUOTED.test(line);
    const [, kind, title] = (isQuoted && CALLOUT.exec(line)) || [];
    if (!isQuoted || kind !== undefined) close();
    if (kind !== undefined) {
      isOpen = true;
      const name = kind.toLowerCase();
      const heading = title.trim() || name[0].toUpperCase() + name.slice(1);
      const tag = aside(`<div class="callout callout-${name}">`);
      shown.push(`${tag}${NEW_LINE}**${heading}**${NEW_LINE}`);
    } else shown.push(isOpen ? line.replace(QUOTED, '') : line);
  });
  close();
  return shown;
}

/** Number the references in some lines; return the footnotes' texts in this order. */
function number(lines, isListing, textOf, mistake) {
  const order = [];
  lines.forEach((line, n) => {
    if (isListing[n]) return;
    lines[n] = line.replace(CODE_OR_REFERENCE, (match, _, key) => {
      if (key === undefined) return match;
      if (textOf(key) === undefined) {
        mistake(n, match, `it has no text: write ${match}: …, or \\[^ where it is no footnote`);
        return match;
      }
      if (!order.includes(key)) order.push(key);
      return `<sup>${order.indexOf(key) + 1}</sup>`;
    });
  });
  return order.map(textOf);
}

/**
 * Write a slide in the Markdown that marked knows.
 *
 * @param {string} text of the slide, as it is written
 * @param {{texts: Map<string, string>, keys: Set<string>}} footnotes of the deck
 * @param {(line: number, directive: string, message: string) => void} mistake is told what is wrong,
 *   and how many lines below the first
 * @returns {string} the slide; as many lines, and others that begin with NEW
 */
export function expandBlocks(text, footnotes, mistake) {
  const lines = text.split('\n');
  const isListing = listingsIn(lines);
  const own = takeFootnotes(lines, isListing, (at, key) =>
    mistake(
      at,
      `[^${key}]`,
      'it has a text already, above: leave one of the two, or give it another key',
    ),
  );
  for (const [key, { at }] of own) {
    if (!footnotes.keys.has(key)) mistake(at, `[^${key}]`, `no slide refers to it by [^${key}]`);
  }
  const notes = lines.findIndex((line, n) => !isListing[n] && NOTES.test(line));
  const end = notes < 0 ? lines.length : notes;
  const seen = lines.slice(0, end);
  const textOf = (key) => own.get(key)?.text ?? footnotes.texts.get(key);
  const said = number(seen, isListing, textOf, mistake);
  if (end === 0) return lines.join('\n');
  const shown = makeCallouts(makeDivs(seen, isListing, mistake), isListing);
  if (said.length > 0) {
    const foot = said.map((one, n) => `**${n + 1}** ${one}`).join('<br>');
    const asCited = aside('<!-- .element: class="cite" -->'); // of the paragraph before it
    shown[end - 1] += aside(`${NEW_LINE}${foot}${NEW_LINE}${asCited}`);
  }
  return [...shown, ...lines.slice(end)].join('\n');
}
