// `npm run pictures`: takes the pictures of slides that the site's first page and README.md show.
// `npm run pictures -- --check`: tells which of them show a slide that has changed since.
//
// Browsers draw the same page with other bytes from version to version. So beside the pictures
// stands what each was made from, and that is compared.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { headingOf } from '../expand/heading.mjs';
import { NOTES } from '../expand/marks.mjs';
import { buildSite, readDecks } from '../site/build.mjs';
import { readSettings } from '../site/course.mjs';
import { command, isThere, readJson, Refusal, root, takeOptions } from '../project.mjs';

const SIZE = { width: 1200, height: 675 };
// What stands around a slide is not of the picture.
const AROUND = '.controls, .progress, .slide-number { display: none !important; }';
const MADE_FROM = 'docs/pictures/made-from.json';
// What a slide looks like besides what is on it.
const STYLES = ['evo', 'common', 'school', 'fonts'].map((name) => `static/css/${name}.css`);

/** What a picture is made from, as a digest: the slide as it is seen, and the files it names. */
function digest(slide) {
  const seen = slide
    .split(NOTES)[0]
    .replace(/<!-- \.slide: data-(?:timing|route)="[^"]*" -->\s*/g, '')
    .replace(/\bline-\d+-/g, '')
    .trim();
  const images = [...seen.matchAll(/\b(?:static\/img|slides)\/[\w./-]+/g)].map(([name]) => name);
  const hash = createHash('sha256').update(seen);
  for (const name of [...images, ...STYLES]) hash.update(fs.readFileSync(path.join(root, name)));
  return hash.digest('hex');
}

/** List the pictures to take: the file, the address of the slide, what it is made from. */
function wanted(decks) {
  const first = decks.map(({ name, slides }) => ({
    file: `static/img/slides/${name}.png`,
    page: `${name}.html`,
    digest: digest(slides[0]),
    isOptional: true, // without it, the first page has the deck's title alone
  }));
  const { deck: name, pictures = {} } = readSettings(decks);
  const deck = decks.find((each) => each.name === name);
  const others = Object.entries(pictures).map(([file, [column, slide]]) => {
    const h = deck.columns.findIndex((slides) => headingOf(slides[0]) === column);
    const v = slide && h >= 0 ? deck.columns[h].findIndex((text) => headingOf(text) === slide) : 0;
    if (h < 0 || v < 0) {
      const missing = [column, slide].filter(Boolean).join(', ');
      throw new Refusal(
        `${file}: slides/${name}.md has no slide ${missing}: choose another in slides/course.json`,
      );
    }
    const before = deck.columns.slice(0, h).reduce((sum, slides) => sum + slides.length, 0);
    return { file, page: `${name}.html#/${h}/${v}`, digest: digest(deck.slides[before + v]) };
  });
  return [...first, ...others];
}

/** Throw a Refusal that names the pictures which no longer show their slide, or are not there. */
function check(pictures) {
  const made = isThere(MADE_FROM) ? readJson(MADE_FROM) : {};
  const stale = pictures.filter(({ file, isOptional, digest: now }) =>
    fs.existsSync(path.join(root, file)) ? made[file] !== now : !isOptional,
  );
  if (stale.length > 0) {
    const names = stale.map(({ file }) => file).join(', ');
    throw new Refusal(`older than the slides they show: ${names}; run npm run pictures`);
  }
}

async function take(pictures) {
  const { openPage, ORIGIN, withSite } = await import('./browser.mjs');
  await withSite(buildSite, async (browser, site) => {
    for (const { file, page: address } of pictures) {
      const { page } = await openPage(browser, site, SIZE);
      await page.goto(`${ORIGIN}/${address}`, { waitUntil: 'networkidle' });
      await page.waitForSelector('.reveal.ready');
      await page.addStyleTag({ content: AROUND });
      fs.mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
      await page.screenshot({ path: path.join(root, file) });
      await page.close();
      console.log(file);
    }
  });
  const made = Object.fromEntries(pictures.map(({ file, digest: now }) => [file, now]));
  fs.writeFileSync(path.join(root, MADE_FROM), `${JSON.stringify(made, null, 1)}\n`);
}

await command(async () => {
  const options = takeOptions('npm run pictures', '--check');
  const pictures = wanted(readDecks());
  await (options.includes('--check') ? check(pictures) : take(pictures));
});
