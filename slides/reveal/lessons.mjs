// What the pages say about each lesson, code/NAME.py: from its first lines, the slides that name it,
// its figure, its record, and what it printed where slides/pages.py has run it and neither it nor
// code/lab has changed since.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { shortName } from './compare.mjs';
import { isThere, listFiles, readJson, readText, root } from './project.mjs';
import { show } from './values.mjs';

export const RUN = '.lessons'; // what slides/pages.py leaves
const SMOKE = '--smoke --out runs'; // the settings with which it runs a lesson that has no others
const FACTS = 'static/facts.json';

/** The names of the lessons, code/NAME.py. */
export function lessonNames() {
  return listFiles(path.join(root, 'code'), { ending: '.py' }).map((name) =>
    name.slice(0, -'.py'.length),
  );
}

/** The first column of a deck that names the lesson's script, and the first figure in it. */
function findSlide(name, decks) {
  const script = new RegExp(`\\bcode/${name}\\.py\\b`);
  for (const deck of decks) {
    const column = deck.columns.findIndex((slides) => slides.some((text) => script.test(text)));
    if (column >= 0) {
      const text = deck.columns[column].join('\n');
      const figure = /static\/img\/([\w-]+)\.(?:svg|png)/.exec(text)?.[1];
      const alt = new RegExp(`static/img/${figure}\\.\\w+"[^>]*\\balt="([^"]+)"`).exec(text)?.[1];
      return { column, slide: `${deck.name}.html#/${column}`, figure, alt };
    }
  }
  return { column: Number.MAX_SAFE_INTEGER };
}

/** A figure as it stands on a page: the drawing alone, without what a slide's script asks of it. */
function drawing(name, alt) {
  if (name === undefined || !isThere(`static/img/${name}.svg`)) return undefined;
  const svg = readText(`static/img/${name}.svg`);
  const said = (tag) => new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 's').exec(svg)?.[1].trim();
  const label = alt ?? [said('title'), said('desc')].filter(Boolean).join('. ');
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/<(title|desc)[^>]*>.*?<\/\1>/gs, '')
    .replace(/\s(?:tabindex|role|aria-[\w-]+|id|class|data-[\w-]+)="[^"]*"/g, '')
    .replace(/>\s+</g, '><')
    .replace(/\s+\/>/g, '/>')
    .replace(/^<svg[^>]*>/, (tag) => {
      const spoken = label.replace(/\s+/g, ' ').replaceAll('"', '&quot;');
      const bare = tag.replace(/\s(?:width|height|xmlns)="[^"]*"/g, '');
      return `${bare.slice(0, -1)} role="img" aria-label="${spoken}">`;
    })
    .trim();
}

/** Title and first own sentence of a script: what stands in its first cell of text. */
function introduction(name) {
  const cell = /^# %% \[markdown\]\n((?:#.*\n)+)/m.exec(readText(`code/${name}.py`))?.[1] ?? '';
  const paragraphs = cell.replace(/^# ?/gm, '').split(/\n\s*\n/);
  const title = /^# (.+)$/m.exec(paragraphs[0])?.[1] ?? name;
  // Behind the title stands the source.
  const own = (paragraphs[2] ?? paragraphs[1] ?? '').replace(/\s+/g, ' ').replace(/[*_`]/g, '');
  return { title, sentence: /^.*?[.?!](?=\s|$)/.exec(own)?.[0] ?? '' };
}

const hash = (name) =>
  createHash('sha256')
    .update(fs.readFileSync(path.join(root, name)))
    .digest('hex');

/** All of code/lab, and the script: what a lesson's page is made from. */
function sources(name) {
  const lab = listFiles(path.join(root, 'code', 'lab'), { ending: '.py', recursive: true }).map(
    (entry) => `code/lab/${entry}`,
  );
  return [`code/${name}.py`, ...lab].sort();
}

/** What slides/pages.py left of a lesson; undefined when none, or when its sources have changed. */
function readRun(name, words) {
  if (!isThere(RUN, `${name}.json`)) return undefined;
  const made = readJson(`${RUN}/${name}.json`);
  const now = sources(name);
  const isCurrent =
    made.arguments === words &&
    now.join() === Object.keys(made.made_from).sort().join() &&
    now.every((file) => hash(file) === made.made_from[file]);
  return isCurrent ? { ...made, body: readText(RUN, `${name}.html`) } : undefined;
}

/** The numbers of a network: those of its recorded training, or what its layers count to. */
function numbers(name) {
  const facts = isThere(FACTS) ? readJson(FACTS) : {};
  const record = isThere(`static/results/${name}.json`)
    ? readJson(`static/results/${name}.json`)
    : undefined;
  const { parameters, macs } = record ?? facts[name]?.cifar10 ?? {};
  return {
    record,
    short: shortName(facts, name),
    parameters: parameters && show(parameters, 'integer'),
    macs: macs && show(macs, 'millions'),
    accuracy: record && show(record.test_accuracy, 'percent'),
    dataset: record?.dataset,
  };
}

/**
 * Read what the pages say about a lesson.
 *
 * @param {string} name of code/NAME.py
 * @param {{idea?: string, arguments?: string}} settings what slides/course.json says about it
 * @param {{name: string, columns: string[][]}[]} decks in the order in which to look for its slides
 * @returns {object} `name`, `title`, `idea`; `column` and `slide`, where a deck names it; `drawing`;
 *   `record` and its numbers; `short`, its network's name among others, where the facts have it;
 *   `run`, what slides/pages.py left, where it is of the lesson as it is
 */
export function readLesson(name, { idea, arguments: words = SMOKE } = {}, decks) {
  const { title, sentence } = introduction(name);
  const place = findSlide(name, decks);
  return {
    name,
    title,
    idea: idea ?? sentence,
    ...place,
    drawing: drawing(place.figure, place.alt),
    ...numbers(name),
    run: readRun(name, words),
  };
}

/** Sorts lessons as their slides follow one another; those without a slide come last. */
export const bySlide = (a, b) => a.column - b.column;
