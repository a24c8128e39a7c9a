// What the pages say about each lesson, code/NAME.py: what it declares, the slides that name it, its
// figure, its record, and what it printed where code/course/pages.py has run it and nothing that the
// lesson loaded has changed since.
//
//     node slides/reveal/site/lessons.mjs --stale NAME ...
//
// answers code/course/pages.py which of some lessons need a run, each with its settings.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { answering, shortName } from '../charts/compare.mjs';
import { asAttribute } from '../html.mjs';
import { command, isThere, listFiles, readJson, readText, Refusal, root } from '../project.mjs';
import { LINE_WAS, replaceEquations } from '../expand/math.mjs';
import { brief, show } from '../expand/values.mjs';

export const RUN = '.lessons'; // what code/course/pages.py leaves
const SMOKE = '--smoke --out runs'; // the settings with which it runs a lesson that has no others
const FACTS = 'static/facts.json';
const MADE = { arguments: 'text', made_from: { '*': 'text' }, pictures: [] };
export const LESSONS = 'static/lessons.json'; // what the scripts declare, in the order of the course
const DECLARED = { '*': { title: 'text', idea: 'text', arguments: 'text' } };

/** The names of the scripts, code/NAME.py. */
export function scriptNames() {
  return listFiles(path.join(root, 'code'), { ending: '.py' }).map((name) =>
    name.slice(0, -'.py'.length),
  );
}

/**
 * What each script declares of its lesson, by its name, in the order of the course. A script that
 * `make figures` has not seen yet comes last, and declares nothing.
 *
 * @returns {[string, {title?: string, idea?: string}][]}
 */
export function readDeclared() {
  const declared = readJson(LESSONS, DECLARED);
  const scripts = scriptNames();
  const names = [...Object.keys(declared).filter((name) => scripts.includes(name)), ...scripts];
  return [...new Set(names)].map((name) => [name, declared[name] ?? {}]);
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
      return { slide: `${deck.name}.html#/${column}`, figure, alt };
    }
  }
  return {};
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
      const bare = tag.replace(/\s(?:width|height|xmlns)="[^"]*"/g, '');
      return `${bare.slice(0, -1)} role="img" aria-label="${asAttribute(label)}">`;
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

/** The settings with which code/course/pages.py runs a lesson for its page. */
function settings(name) {
  return readJson(LESSONS, DECLARED)[name]?.arguments ?? SMOKE;
}

/** Whether a file is as it was when a lesson loaded it. */
function isAsBefore([name, digest]) {
  if (!isThere(name)) return false;
  const content = fs.readFileSync(path.join(root, name));
  return createHash('sha256').update(content).digest('hex') === digest;
}

/**
 * What code/course/pages.py left of a lesson; undefined when none, or when it would now be another: this
 * is the only place that says so.
 */
function readRun(name) {
  let made;
  try {
    made = readJson(`${RUN}/${name}.json`, MADE);
  } catch (error) {
    if (error instanceof Refusal) return undefined; // not there, or cut off
    throw error;
  }
  const isCurrent =
    made.arguments === settings(name) && Object.entries(made.made_from).every(isAsBefore);
  return isCurrent ? { ...made, body: readText(RUN, `${name}.html`) } : undefined;
}

/** The cells of a lesson with their equations set. Throws a Refusal where one cannot be read. */
function withEquations(name, cells) {
  const set = replaceEquations(cells, (written, _, job) => {
    try {
      // On a phone a wide one is moved sideways, so the keyboard must reach it.
      const isWide = written.length > 25;
      return isWide ? job().replace('<math display', '<math tabindex="0" display') : job();
    } catch (error) {
      const file = `code/${name}.py`;
      const wrong = written.split('\n')[error.below ?? 0];
      const line = readText(file).split(wrong)[0].split('\n').length;
      const shown = brief(written.replace(/\s+/g, ' '));
      throw new Refusal(`${file}:${line}: ${shown}: ${error.message}`);
    }
  });
  return set.replaceAll(LINE_WAS, '');
}

/** The numbers of a network: those of its recorded training, or what its layers count to. */
function numbers(name) {
  const facts = isThere(FACTS) ? readJson(FACTS) : {};
  const record = isThere(`static/results/${name}.json`)
    ? answering(facts, readJson(`static/results/${name}.json`))
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
 * @param {{title?: string, idea?: string}} declared what it says of itself
 * @param {{name: string, columns: string[][]}[]} decks in the order in which to look for its slides
 * @returns {object} `name`, `title`, `idea`; `slide`, where a deck names it; `drawing`;
 *   `record` and its numbers; `short`, its network's name among others, where the facts have it;
 *   `run`, what code/course/pages.py left, where it is of the lesson as it is
 */
export function readLesson(name, declared, decks) {
  const written = introduction(name);
  const place = findSlide(name, decks);
  const run = readRun(name);
  return {
    name,
    title: declared.title ?? written.title,
    idea: declared.idea ?? written.sentence,
    ...place,
    drawing: drawing(place.figure ?? name, place.alt),
    ...numbers(name),
    run: run && { ...run, body: withEquations(name, run.body) },
  };
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await command(() => {
    const [option, ...names] = process.argv.slice(2);
    if (option !== '--stale')
      throw new Refusal('write node slides/reveal/site/lessons.mjs --stale NAME ...');
    const stale = names.filter((name) => readRun(name) === undefined);
    console.log(JSON.stringify(Object.fromEntries(stale.map((name) => [name, settings(name)]))));
  });
}
