// `npm run pdf [-- NAME]`: prints every deck, or one, one page a slide, to NAME.pdf.
// `npm run pdf -- --handout`: the slides with their notes on A4, to NAME-notes.pdf for the lecturer,
// and to NAME-handout.pdf for students, without answers and minutes.

import fs from 'node:fs';
import path from 'node:path';

import { openPage, ORIGIN, threeAtATime, withSite } from './browser.mjs';
import { buildSite } from '../site/build.mjs';
import { layOutHandout, leaveOutAnswers } from './handout.mjs';
import { labelPages } from './labels.mjs';
import {
  command,
  printedName,
  readJson,
  Refusal,
  root,
  siteAddress,
  takeDecks,
} from '../project.mjs';

const PAGE = { width: 1280, height: 720 };
// Chromium takes the outline from what it has printed: where a heading goes on in a second line, its
// words must not lose the space between them.
const HEADINGS = ':is(h1, h2, h3, h4, h5, h6) { white-space-collapse: preserve; }';

/** Open a deck as it is printed. Throws a Refusal when it asks for what is not on the site. */
async function open(browser, site, { name, slides }) {
  const { page, missing } = await openPage(browser, site, PAGE);
  await page.goto(`${ORIGIN}/${encodeURI(name)}.html?view=print`, {
    waitUntil: 'networkidle',
  });
  await page.waitForSelector('.pdf-page');
  await Promise.all(page.frames().map((frame) => frame.waitForLoadState('networkidle')));
  if (missing.size > 0) {
    throw new Refusal(
      `slides/${name}.md asks for ${[...missing].join(', ')}: a deck loads only what is in slides/ and static/`,
    );
  }
  const pages = await page.locator('.pdf-page').count();
  if (pages !== slides.length)
    throw new Error(`${pages} pages for the ${slides.length} slides of ${name}`);
  return page;
}

/**
 * Runs in the page: leads a link to a slide to that slide's page, and one to the rest of the site to
 * where the site is. Where that is not known, it is no link: on paper there is no other way to it.
 */
function leadLinks(address) {
  const find = (hash) => {
    const [, h, v = '0'] = /^#\/(\d+)(?:\/(\d+))?/.exec(hash) ?? [];
    return h === undefined
      ? document.getElementById(decodeURIComponent(hash.replace(/^#\/?/, '')))
      : document.querySelector(`[data-place="${h}/${v}"]`);
  };
  document
    .querySelectorAll('.pdf-page')
    .forEach((page, n) => page.setAttribute('id', `page-${n + 1}`));
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('a[href]'));
  for (const link of links) {
    const { origin, pathname, hash } = new URL(link.href);
    if (origin !== location.origin) continue;
    const slide = pathname === location.pathname ? find(hash)?.closest('.pdf-page') : undefined;
    if (slide) link.setAttribute('href', `#${slide.id}`);
    else if (address) link.setAttribute('href', address + pathname.slice(1) + hash);
    else {
      const text = Object.assign(document.createElement('span'), { className: link.className });
      text.append(...link.childNodes);
      link.replaceWith(text);
    }
  }
}

/** Runs in the page: the number of each page as the screen shows it; a handout's pages have none. */
function readNumbers() {
  const pages = [...document.querySelectorAll('.slides > .pdf-page')];
  return pages.map((page) => page.querySelector('.slide-number-pdf')?.textContent?.trim() ?? '');
}

/** Print an open page to a file, written only when whole, so that a failure leaves the last one. */
async function print(page, name, what) {
  const labels = await page.evaluate(readNumbers);
  await page.addStyleTag({ content: HEADINGS });
  const bytes = await page.pdf({
    preferCSSPageSize: true,
    printBackground: true,
    tagged: true,
    outline: true,
  });
  fs.writeFileSync(path.join(root, name), labelPages(bytes, labels));
  console.log(`${name}: ${what}`);
}

await command(async () => {
  const { names, options } = takeDecks('npm run pdf', '--handout');
  const isHandout = options.includes('--handout');
  const address = siteAddress(readJson('package.json').homepage);
  await withSite(buildSite, async (browser, site, { decks }) => {
    const wanted = decks.filter((deck) => names.includes(deck.name));
    await threeAtATime(wanted, async (deck) => {
      const name = printedName(deck.name);
      const count = deck.slides.length;
      const page = await open(browser, site, deck);
      await page.evaluate(leadLinks, address);
      if (isHandout) {
        const lecturers = `${count} slides with all their notes, for the lecturer`;
        const students = `${count} slides, without answers and minutes, for students`;
        await layOutHandout(page, deck.title);
        await print(page, `${name}-notes.pdf`, lecturers);
        await leaveOutAnswers(page);
        await print(page, `${name}-handout.pdf`, students);
      } else {
        await print(page, `${name}.pdf`, `${count} pages`);
      }
      await page.close();
    });
  });
});
