// `npm run build`: writes the site, _site/, which works from any web server and any folder on it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readCourse, writeCourse } from './course.mjs';
import { checkData } from './data.mjs';
import { prepareAllDiagrams } from '../expand/diagram.mjs';
import { expand, isShown } from '../expand/directives.mjs';
import { LICENSES, readLicenses, writeLicenses } from './licenses.mjs';
import { NOT_SENT, readLooks } from '../expand/links.mjs';
import { livePage, RUNTIME_FILES, RUNTIME_FOLDER } from '../expand/live.mjs';
import { policy } from '../serve/policy.mjs';
import { readRoutes } from './routes.mjs';
import {
  command,
  frontMatterMistake,
  isKept,
  isThere,
  listDecks,
  listFiles,
  load,
  printedName,
  readDeck,
  readFront,
  readJson,
  Refusal,
  root,
  takeOptions,
  temporaryFolder,
  wayUp,
} from '../project.mjs';
import { putInPlace, SITE } from './site.mjs';

// Tells GitHub's server to serve every file as it lies.
const AS_IT_LIES = '.nojekyll';
// Pages of the site that are no decks.
const OTHER_PAGES = /^(?:index|404|live|lessons\/.*)$/;

const { default: yamlFrontMatter } = await load('yaml-front-matter');
await prepareAllDiagrams();

/** A line for each mistake of a deck; those in what it shows of one JSON file have one together. */
function tellProblems(file, problems) {
  const alike = new Map();
  for (const [n, problem] of problems.entries()) {
    // A directive names the file; of a claim, what went wrong does.
    const said = `${problem.directive} ${problem.message}`;
    const source = /static\/[^\s:|}]+\.json/.exec(said)?.[0] ?? n;
    alike.set(source, [...(alike.get(source) ?? []), problem]);
  }
  return [...alike].map(([source, [{ line, directive, message }, ...others]]) => {
    const more = others.length > 0 ? ` (and ${others.length} more of ${source})` : '';
    return `${file}:${line}: ${directive}: ${message}${more}`;
  });
}

/** Cut a text where an expression matches; each part has the line on which it begins. */
function cut({ text, line }, separator) {
  let end = 0;
  const part = (to) => ({
    text: text.slice(end, to),
    line: line + text.slice(0, end).split('\n').length - 1,
  });
  const parts = [];
  for (const { 0: between, index } of text.matchAll(new RegExp(separator, 'gm'))) {
    parts.push(part(index));
    end = index + between.length;
  }
  return [...parts, part()];
}

/**
 * Read and fill in every deck of slides/.
 *
 * @returns {{decks: object[], mistakes: string[]}} those that can be read, and a line for each mistake
 * @throws {Refusal} when facts or records cannot be read
 */
export function tryDecks() {
  checkData();
  const mistakes = [];
  const settings = readJson('reveal-md.json');
  const names = listDecks();
  const decks = names.flatMap((name) => {
    const file = `slides/${name}.md`;
    let whole;
    let front;
    try {
      if (NOT_SENT.test(name)) throw new Refusal('no address can have this name in it: rename it');
      whole = readDeck(name);
      front = readFront(yamlFrontMatter, whole);
    } catch (error) {
      if (error instanceof Refusal) {
        mistakes.push(error.message.startsWith(file) ? error.message : `${file}: ${error.message}`);
        return [];
      }
      const { line, message } = frontMatterMistake(error);
      mistakes.push(`${file}${line ? `:${line}` : ''}: front matter: ${message}`);
      return [];
    }
    const { __content: markdown, ...options } = { ...settings, ...front };
    const above = whole.slice(0, whole.length - markdown.length).split('\n');
    const firstLine = above.length;
    const context = { root, file, assets: wayUp(name) };
    const { separator, verticalSeparator, bibliography } = options;
    const { title } = front;
    const form = { firstLine, separator, verticalSeparator, bibliography, title };
    const deck = expand(markdown, { ...context, ...form });
    mistakes.push(...tellProblems(file, deck.problems));
    const looks = readLooks(options, context);
    for (const { directive, message } of looks.problems) {
      mistakes.push(`${file}: ${directive}: ${message}`);
    }
    const isTaken = names.some((other) => other < name && printedName(other) === printedName(name));
    if (OTHER_PAGES.test(name) || isTaken) {
      const what = isTaken ? 'PDF' : 'page';
      mistakes.push(`${file}: its ${what} would take the place of another; give it another name`);
    }
    const slides = deck.slides.filter((slide) => isShown(root, slide));
    // As they are written, a list for each column.
    const written = cut({ text: markdown, line: firstLine }, separator)
      .map((column) => cut(column, verticalSeparator).filter(({ text }) => isShown(root, text)))
      .filter((column) => column.length > 0);
    const columns = written.map((column) => column.map(({ text }) => text));
    const lines = written.map((column) => column.map(({ line }) => line));
    const { mistake, ...lengths } = readRoutes(slides, columns, options.revealOptions?.route);
    if (mistake) mistakes.push(`${file}: front matter: ${mistake}`);
    const files = [...looks.files, ...deck.files];
    return {
      name,
      title: deck.title,
      files,
      front: above.slice(1, -1),
      slides,
      columns,
      lines,
      ...lengths,
    };
  });
  return { decks, mistakes };
}

/** Read and fill in every deck of slides/. Throws a Refusal with a line for each mistake in one. */
export function readDecks() {
  const { decks, mistakes } = tryDecks();
  if (mistakes.length > 0) throw new Refusal(mistakes.join('\n'));
  return decks;
}

/** Put static/, the lessons, and what decks name beside themselves, where pages look; return them. */
function copyFiles(out, decks) {
  const all = [
    ...listFiles(path.join(root, 'static'), { recursive: true })
      .map((name) => `static/${name}`)
      .filter((file) => !isKept(file)),
    ...listFiles(path.join(root, 'code'), { ending: '.py' }).map((name) => `code/${name}`),
    ...decks.flatMap(({ files }) => files),
  ];
  for (const file of all) {
    fs.mkdirSync(path.join(out, path.dirname(file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(out, file));
  }
  return all;
}

/** Put in place what live slides need besides static/: onnxruntime, and a page for phones. */
function copyLive(out) {
  const page = livePage(root, '.', LICENSES);
  if (page === undefined) return;
  fs.writeFileSync(path.join(out, 'live.html'), page);
  fs.mkdirSync(path.join(out, 'ort'));
  for (const [name, file] of Object.entries(RUNTIME_FILES)) {
    fs.copyFileSync(path.join(root, RUNTIME_FOLDER, file), path.join(out, 'ort', name));
  }
}

/** Put the policy that the server sends into each page that is ours, and into none that was copied. */
function guardPages(out, copied) {
  const meta = `\n    <meta http-equiv="Content-Security-Policy" content="${policy()}">`;
  const pages = listFiles(out, { ending: '.html', recursive: true });
  for (const name of pages.filter((each) => !copied.includes(each))) {
    const page = fs.readFileSync(path.join(out, name), 'utf8');
    // A page says its characters first.
    const start = /<head[^>]*>(?:\s*<meta charset[^>]*>)?/i.exec(page);
    if (!start) throw new Refusal(`${name}: its template has no <head>, where the policy belongs`);
    const end = start.index + start[0].length;
    fs.writeFileSync(path.join(out, name), page.slice(0, end) + meta + page.slice(end));
  }
}

/** Write the pages of decks, and all that they need, into a folder; return what was only copied. */
export async function writeDecks(out, decks) {
  const copied = copyFiles(out, decks);
  process.chdir(root);
  process.argv.splice(2);
  const { writePages } = await import('./write-decks.mjs');
  const names = decks.map(({ name }) => name);
  await writePages(out, names);
  copyLive(out);
  return copied;
}

/**
 * Build the site into the empty folder `out`.
 *
 * @returns {Promise<{decks: {name: string, title: string, slides: string[]}[], course: object}>} what
 *   is in it
 * @throws {Refusal} when a deck has a mistake
 */
export async function buildSite(out) {
  const decks = readDecks();
  const course = readCourse(decks);
  const licenses = readLicenses();
  fs.writeFileSync(path.join(out, AS_IT_LIES), '');
  const copied = await writeDecks(out, decks);
  writeCourse(out, course);
  writeLicenses(out, course, licenses);
  guardPages(out, copied);
  return { decks, course };
}

/** Say so where the first page still shows a slide as it was, with another title perhaps. */
function warnOfOldPictures() {
  if (!isThere('docs', 'pictures')) return;
  const script = fileURLToPath(new URL('../print/pictures.mjs', import.meta.url));
  const { stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  process.stderr.write(stderr);
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await command(async () => {
    takeOptions('npm run build');
    // Elsewhere first, so that a site stays whole until there is another.
    const folder = temporaryFolder();
    const { decks, course } = await buildSite(folder);
    putInPlace(folder, SITE);
    const pages = decks.map(({ name, slides }) => `${name}.html (${slides.length} slides)`);
    const named = (lessons) => lessons.map(({ name }) => name);
    const run = named(course.lessons.filter((lesson) => lesson.run));
    const lessons = run.map((name) => `lessons/${name}.html`);
    console.log(`_site/ is ready: ${['index.html', ...pages, ...lessons].join(', ')}`);
    const left = named(course.lessons.filter((lesson) => !lesson.run));
    if (left.length > 0) {
      console.log(`Without a page, because they were not run as they are now: ${left.join(', ')}.`);
      console.log('make notebooks site sets up what that needs, and runs them.');
    }
    warnOfOldPictures();
  });
}
