// What can be told of a deck from its text alone: notes, minutes, links to slides, typed numbers.

import path from 'node:path';

import { replaceLinks } from '../expand/links.mjs';
import { headingOf } from '../expand/heading.mjs';
import { NOTES } from '../expand/marks.mjs';
import { show } from '../expand/values.mjs';
import { isThere, readJson } from '../project.mjs';

const MINUTES = /^\s*notes?:\s*\d+ minutes?\b.*/im;

// Numbers as they are typed, not those in names (CIFAR10, VGG16, LeNet-5), shapes (3x3) and years.
const NUMBER = String.raw`(?<![\w.-])(?!(?:19|20)\d\d\b)\d(?:[\d.,]*\d)?(?:\s*[%kMGs]\b|\s*%|(?!\w))`;
// What a training or the code counts, and up to two words between it and its number.
const COUNTED =
  '(?:accurac(?:y|ies)|billion|epochs?|hours?|images?|MACs?|millions?|min|minutes?|' +
  String.raw`multiply-accumulates?|parameters?|percent|runs?|seconds?)\b`;
const BETWEEN = String.raw`(?:[ ,:=]+(?:\w+[ ,:=]+){0,2})`;
const MEASURED = new RegExp(
  String.raw`${NUMBER}(?:(?<=[%kMGs])|(?=${BETWEEN}${COUNTED}))|(?<=\b)${COUNTED}${BETWEEN}${NUMBER}` +
    String.raw`|\b\d{1,3}(?:,\d{3})+\b`, // so exact, whatever it is of
  'g',
);
const LONG = /(?<![\w-])\d+[.,]?\d+|\d\s*%/g;
// Either is enough to be of a record: four digits, or a share to a tenth of a percent.
const EXACT = /(?<![\w.-])(?:\d{1,3}(?:,\d{3})+|\d{4,}|\d+\.\d+\s*[%M])(?!\w)/g;
const SHOWS_RECORD = '{{ static/results';
const SHOWS_ANY = /\{\{ static\/(?:results|facts)/;
// What is in a directive is read from the record; what is in a citation, or how wide something is, is no
// result.
const NOT_TYPED = /\{\{.*?\}\}|^.*class="cite".*$|\b(?:style|width|height)="[^"]*"/gm;

const blank = (text) => text.replace(/[^\n]/g, ' ');
const plain = (text) => text.replace(/[\s,\u00a0]/g, '');
const bare = (text) => text.toLowerCase().replace(/[^a-z\d]/g, '');

/** The heading of a slide, as words. */
export const titleOf = (text) => headingOf(text) ?? '';

/** What is recorded and counted of each network, as it could be typed, with what to write instead. */
function readRecorded() {
  const facts = isThere('static/facts.json') ? readJson('static/facts.json') : {};
  return Object.fromEntries(
    Object.keys(facts).map((name) => {
      const written = new Map();
      const add = (file, value, key, format) => {
        const found = key.split('.').reduce((whole, part) => whole?.[part], value);
        const number = found?.mean ?? found;
        if (!Number.isFinite(number)) return;
        const text = show(number, format);
        written.set(plain(text), `{{ static/${file}: ${key} | ${format} }}`);
      };
      for (const form of Object.keys(facts[name])) {
        for (const key of ['parameters', 'macs']) {
          for (const format of ['millions', 'integer'])
            add('facts.json', facts, `${name}.${form}.${key}`, format);
        }
      }
      const file = `results/${name}.json`;
      const record = isThere('static', file) ? readJson(`static/${file}`) : {};
      for (const key of ['validation_accuracy', 'test_accuracy']) add(file, record, key, 'percent');
      return [name, written];
    }),
  );
}

/**
 * Find the numbers on a slide and in its notes that may be a training's, typed by hand.
 *
 * A slide that shows a record may hold no number longer than a digit; one below another, in a deck
 * that shows records, none beside what is measured; any other none that is recorded of a network
 * which it names. The minutes of a slide are the lecturer's.
 *
 * @param {string} slide
 * @param {{isBelow: boolean, recorded: Record<string, Map<string, string>>}} options `isBelow` of a
 *   deck that shows records
 * @returns {{number: string, offset: number, instead?: string}[]}
 */
export function typedNumbers(slide, { isBelow, recorded }) {
  const typed = replaceLinks(slide, blank).replace(NOT_TYPED, blank).replace(MINUTES, blank);
  const found = new Map();
  const named = bare(typed);
  for (const [name, written] of Object.entries(recorded)) {
    if (!named.includes(name)) continue;
    for (const { 0: number, index: offset } of typed.matchAll(EXACT)) {
      const instead = written.get(plain(number));
      if (instead) found.set(offset, { number, offset, instead });
    }
  }
  const pattern = slide.includes(SHOWS_RECORD) ? LONG : isBelow ? MEASURED : undefined;
  for (const { 0: number, index: offset } of pattern ? typed.matchAll(pattern) : []) {
    const isKnown = [...found.values()].some(
      (one) => one.offset < offset + number.length && offset < one.offset + one.number.length,
    );
    if (!isKnown) found.set(offset, { number, offset });
  }
  return [...found.values()];
}

/** Tell what is wrong with a link to a slide, `#/3/2` or `week2/intro.md#name`; undefined if nothing. */
function brokenLink(reference, deck, decks) {
  const [file, place] = reference.split('#', 2);
  if (!place || (file !== '' && !/^[^:]*\.md$/.test(file))) return undefined;
  const name = path.posix.join(path.posix.dirname(deck.name), file.replace(/\.md$/, ''));
  const target = file === '' ? deck : decks.find((each) => each.name === name);
  if (target === undefined) return undefined; // that the deck is not there is told elsewhere
  const [, h, v = '0'] = /^\/(\d+)(?:\/(\d+))?/.exec(place) ?? [];
  if (h !== undefined) {
    if (target.columns[h]?.[v] !== undefined) return undefined;
    const last = target.columns.length - 1;
    return `${reference}: there is no such slide; slides/${target.name}.md ends with #/${last}`;
  }
  const id = decodeURIComponent(place.replace(/^\//, ''));
  const isId = (text) => [`id="${id}"`, `id='${id}'`, `id=${id} `].some((at) => text.includes(at));
  if (target.columns.flat().some(isId)) return undefined;
  return `${reference}: no slide is called so: write <!-- .slide: id="${id}" --> on it`;
}

/** The slides of a deck as they are written, each with its place, title and first line. */
export const slidesOf = ({ columns, lines }) =>
  columns.flatMap((column, h) =>
    column.map((text, v) => ({
      place: `${h}/${v}`,
      address: v > 0 ? `#/${h}/${v}` : `#/${h}`,
      title: titleOf(text),
      text,
      line: lines[h][v],
      isBelow: v > 0,
    })),
  );

/** The slide on which a line of the deck is. */
export const slideAt = (slides, line) => slides.filter((slide) => slide.line <= line).at(-1);

const linesBefore = (text, offset) => text.slice(0, offset).split('\n').length - 1;

/** Tell which slides lack notes, or minutes; at once where a deck simply does without. */
function readNotes(slides, tell) {
  const offsetIn = (text) => {
    const notes = NOTES.exec(text);
    return notes ? notes.index + notes[0].search(/\S/) : Math.max(text.search(/\S/), 0);
  };
  /** @type {[object[], string][]} */
  const lacking = [
    [
      slides.filter(({ text }) => !NOTES.test(text)),
      'the notes are missing: write Note: and, below it, what you say',
    ],
    [
      slides.filter(({ text }) => NOTES.test(text) && !MINUTES.test(text)),
      'the notes do not begin with the minutes that the slide takes: write "2 minutes."',
    ],
  ];
  for (const [those, said] of lacking) {
    const isAll = those.length > 1 && those.length === slides.length;
    for (const slide of isAll ? those.slice(0, 1) : those) {
      tell(slide, offsetIn(slide.text), isAll ? `on every slide ${said}` : said);
    }
  }
}

/**
 * Read what is wrong in the text of a deck.
 *
 * @param {object} deck of tryDecks
 * @param {object[]} decks all of them
 * @returns {{line: number, said: string}[]}
 */
export function readText(deck, decks) {
  const recorded = readRecorded();
  const slides = slidesOf(deck);
  const found = [];
  const tell = ({ text, line }, offset, said) =>
    found.push({ line: line + linesBefore(text, offset), said });
  readNotes(slides, tell);
  const showsRecords = slides.some(({ text }) => SHOWS_ANY.test(text));
  for (const slide of slides) {
    const { text } = slide;
    replaceLinks(text, (reference, offset) => {
      const said = brokenLink(reference, deck, decks);
      if (said) tell(slide, offset, said);
      return reference;
    });
    const isBelow = slide.isBelow && showsRecords;
    for (const { number, offset, instead } of typedNumbers(text, { isBelow, recorded })) {
      const how = instead ?? '{{ static/facts.json: … }} or {{ static/results/NAME.json: … }}';
      tell(slide, offset, `${number} is typed by hand, and may be recorded: write ${how}`);
    }
  }
  return found;
}
