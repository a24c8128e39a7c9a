// `npm run check [-- NAME]`: tells what an audience would stumble over in each deck, slides/NAME.md, a
// line for each, and ends with exit code 2 when there is something.
//
// What stands in the text is read there; what is seen is read in the pages, as they would be published,
// in windows of all sizes, at every step, on a phone and on paper.

import fs from 'node:fs';
import { createRequire } from 'node:module';

import { readText, slideAt, slidesOf } from './read.mjs';
import { openPage, ORIGIN, threeAtATime, withSite } from '../print/browser.mjs';
import { command, load, takeDecks } from '../project.mjs';
import { tryDecks, writeDecks } from '../site/build.mjs';

// Not by `import`, which would end in Node's own lines where package.json is broken.
const page = (name) => load(new URL(name, import.meta.url).href);
const { default: findBarriers } = await page('barriers.js');
const { default: inspect, PAPER, PHONE, WINDOWS } = await page('inspect.js');

// A phone and paper are pages of their own. What axe-core reads, it reads in the last window, of the
// slides on the phone alone, which shows all at once.
const PAGES = [
  { windows: WINDOWS, hasBarriers: true },
  { windows: [PHONE], hasBarriers: true },
  { windows: [PAPER], query: '?view=print' },
];
const PATIENCE = 300_000; // ms: a phone lays out all slides at once
const VIEWS = PAGES.flatMap(({ windows }) => windows).length;
// What axe-core finds of that which inspect.js reads more closely.
const SAME = { 'color-contrast': 'contrast', 'image-alt': 'alt' };

const axe = () =>
  fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Read one of the pages that a deck is; what it asks for in vain has the address of that. */
async function lookAt(browser, site, { name }, { windows, hasBarriers = false, query = '' }) {
  const { page, missing } = await openPage(browser, site, windows[0]);
  page.setDefaultTimeout(PATIENCE);
  const found = [];
  page.on('pageerror', ({ message }) => {
    found.push({ kind: message, subject: 'a script', said: `fails: ${message.split('\n')[0]}` });
  });
  await page.goto(`${ORIGIN}/${encodeURI(name)}.html${query}`);
  // Paper is laid out only after that, and all at once.
  const laidOut = query ? '.pdf-page' : '.reveal.ready';
  await page.waitForSelector(laidOut, { state: 'attached' });
  for (const { width, height, smallest, code, at = `${width}x${height}` } of windows) {
    await page.setViewportSize({ width, height });
    const seen = await page.evaluate(inspect, { smallest, code });
    found.push(...seen.map((each) => ({ ...each, at })));
  }
  if (hasBarriers) {
    await page.evaluate(axe());
    const { at = 'on a screen' } = windows[windows.length - 1];
    found.push(...(await page.evaluate(findBarriers)).map((each) => ({ ...each, at })));
  }
  await page.waitForLoadState('networkidle'); // what is shown late may ask for something
  await page.close();
  return [...found, ...[...missing].map((address) => ({ kind: 'missing', address }))];
}

/** The line of a slide that holds some words, or the name of a file; that of its heading when none. */
function lineOf({ text, line }, words) {
  const bare = (part) => part.toLowerCase().replace(/<!--.*?-->|<[^>]*>|[^\p{L}\p{N}]/gu, '');
  const start = bare(words).slice(0, 20);
  const holds = [
    (each) => each.includes(words),
    (each) => start && bare(each).includes(start),
    (each) => each.startsWith('#'),
  ];
  const found = holds.map((hold) => text.split('\n').findIndex(hold)).find((at) => at >= 0);
  return line + (found ?? 0);
}

/** Make one of all that is alike on a slide, in several windows, and by axe-core as well. */
function merge(found) {
  const all = new Map();
  const known = new Set(found.map(({ place, kind }) => `${place} ${kind}`));
  for (const { at, ...each } of found) {
    if (known.has(`${each.place} ${SAME[each.kind]}`)) continue;
    const key = `${each.place} ${each.kind}`;
    const one = all.get(key) ?? { ...each, at: new Set(), subjects: new Set() };
    all.set(key, one);
    if (each.share < one.share) Object.assign(one, each); // the smallest text stands for the others
    one.at.add(at);
    one.subjects.add(each.subject);
  }
  return [...all.values()];
}

/** Turn what the pages have shown into lines of the deck. */
function locate(found, slides) {
  const byPlace = new Map(slides.map((slide) => [slide.place, slide]));
  return merge(found).map(({ place, subject, subjects, said, at }) => {
    const slide = byPlace.get(place);
    const more = [
      ...(subjects.size > 1 ? [`and ${subjects.size - 1} more`] : []),
      ...(place && at.size < VIEWS ? at : []),
    ].join(', ');
    const words = subject.replace(/^<\w+> "?| …"?$|"$/g, '');
    const line = slide && lineOf(slide, words);
    return { line, said: `${subject} ${said}${more && ` (${more})`}` };
  });
}

/** What a deck asks for that is not on the site, at the slides that name it. */
const missed = (addresses, slides) =>
  addresses.map((address) => {
    const slide = slides.find(({ text }) => text.includes(address));
    const said = `${address} is neither in slides/ nor in static/: offline it is missing; put it there`;
    return { line: slide && lineOf(slide, address), said };
  });

/** Read decks in the browser; the pages that take longest come first. */
async function look(browser, site, decks) {
  const found = new Map(decks.map((deck) => [deck, []]));
  const all = PAGES.flatMap((page) => decks.map((deck) => ({ deck, page })));
  await threeAtATime(all, async ({ deck, page }) => {
    found.get(deck).push(...(await lookAt(browser, site, deck, page)));
  });
  return found;
}

/** Turn what the pages of a deck have shown into lines of it. */
function tell(deck, found) {
  const slides = slidesOf(deck);
  const seen = found.filter(({ kind }) => kind !== 'missing');
  const missing = new Set(found.map(({ address }) => address).filter(Boolean));
  return [...missed([...missing], slides), ...locate(seen, slides)];
}

/** Write what was found in a deck, one a line, in the order of its lines. */
function write({ file, slides = [] }, found) {
  const sorted = [...found].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  for (const { line, said } of sorted) {
    const slide = line && slideAt(slides, line);
    const title = slide?.title ? ` "${slide.title}"` : '';
    const where = slide ? ` slide ${slide.address}${title}` : '';
    console.log(`${file}${line ? `:${line}` : ''}${where}: ${said}`);
  }
}

/** Sort the mistakes that stop a build by the decks in which they are. */
function byDeck(mistakes) {
  const all = new Map();
  for (const mistake of mistakes) {
    const [, file, line, said] = /^(slides\/.+?\.md)(?::(\d+))?: (.*)$/.exec(mistake) ?? [];
    all.set(file, [...(all.get(file) ?? []), { line: line && Number(line), said }]);
  }
  return all;
}

await command(async () => {
  const { names } = takeDecks('npm run check');
  const { decks, mistakes } = tryDecks();
  const broken = byDeck(mistakes);
  const read = decks.filter(({ name }) => names.includes(name));
  const seen = await withSite(
    (site) => writeDecks(site, decks),
    (browser, site) => look(browser, site, read),
  );
  let count = 0;
  let shown = 0;
  for (const name of names) {
    const deck = read.find((each) => each.name === name);
    const file = `slides/${name}.md`;
    const found = broken.get(file) ?? [];
    const slides = deck ? slidesOf(deck) : [];
    if (deck) found.push(...readText(deck, decks), ...tell(deck, seen.get(deck)));
    write({ file, slides }, found);
    count += found.length;
    shown += slides.length;
  }
  if (count > 0) process.exitCode = 2;
  else console.log(`Nothing to mend on the ${shown} slides of ${names.join(', ')}`);
});
