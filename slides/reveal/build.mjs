// `npm run build`: writes the site, _site/, which works from any web server and any folder on it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readCourse, writeCourse } from './course.mjs';
import { expand } from './directives.mjs';
import { readLooks } from './links.mjs';
import { livePage, RUNTIME_FILES, RUNTIME_FOLDER } from './live.mjs';
import {
  command,
  frontMatterMistake,
  isThere,
  listDecks,
  listFiles,
  load,
  printedName,
  readDeck,
  Refusal,
  root,
  wayUp,
} from './project.mjs';

export { command, load, Refusal, root };

// Tells us that a folder is ours to empty.
const MARK = '.built-from-slides';
// A site that is kept in git, say on a branch for GitHub's pages, has its history in here.
const HISTORY = '.git';
// Tells GitHub's server to serve every file as it lies.
const AS_IT_LIES = '.nojekyll';
// Pages of the site that are no decks.
const OTHER_PAGES = /^(?:index|404|live|lessons\/.*)$/;
// Such a slide is in no page, on no paper, and has no number.
const HIDDEN = /<!--\s*\.slide:[^>]*\bdata-visibility\s*=\s*["']?hidden\b/;

const { default: yamlFrontMatter } = await load('yaml-front-matter');

/** Read and fill in every deck of slides/. Throws a Refusal with a line for each mistake in one. */
export function readDecks() {
  const mistakes = [];
  const settings = JSON.parse(fs.readFileSync(path.join(root, 'reveal-md.json'), 'utf8'));
  const names = listDecks();
  const decks = names.map((name) => {
    const file = `slides/${name}.md`;
    let whole;
    let front;
    try {
      whole = readDeck(name);
      front = yamlFrontMatter.safeLoadFront(whole);
    } catch (error) {
      if (error instanceof Refusal) {
        mistakes.push(error.message);
        return undefined;
      }
      const { line, message } = frontMatterMistake(error);
      mistakes.push(`${file}${line ? `:${line}` : ''}: front matter: ${message}`);
      return undefined;
    }
    const { __content: markdown, ...options } = { ...settings, ...front };
    const firstLine = whole.slice(0, whole.length - markdown.length).split('\n').length;
    const context = { root, file, assets: wayUp(name) };
    const { separator, verticalSeparator } = options;
    const deck = expand(markdown, { ...context, firstLine, separator, verticalSeparator });
    for (const { line, directive, message } of deck.problems) {
      mistakes.push(`${file}:${line}: ${directive}: ${message}`);
    }
    const looks = readLooks(options, context);
    for (const { directive, message } of looks.problems) {
      mistakes.push(`${file}: ${directive}: ${message}`);
    }
    const isTaken = names.some((other) => other < name && printedName(other) === printedName(name));
    if (OTHER_PAGES.test(name) || isTaken) {
      const what = isTaken ? 'PDF' : 'page';
      mistakes.push(`${file}: its ${what} would take the place of another; give it another name`);
    }
    const isShown = (slide) => !HIDDEN.test(slide);
    return {
      name,
      title: front.title,
      files: [...looks.files, ...deck.files],
      slides: deck.slides.filter(isShown),
      // As they are written, a list for each column.
      columns: markdown
        .split(new RegExp(separator, 'm'))
        .map((column) => column.split(new RegExp(verticalSeparator, 'm')).filter(isShown))
        .filter((column) => column.length > 0),
    };
  });
  if (mistakes.length > 0) throw new Refusal(mistakes.join('\n'));
  return decks;
}

/** Empty the site's folder but for its history, or make it. Throws a Refusal when it is not ours. */
function clean(out) {
  const name = path.relative(root, out) || out;
  const stats = fs.lstatSync(out, { throwIfNoEntry: false });
  if (stats !== undefined) {
    if (!stats.isDirectory())
      throw new Refusal(`${name} is not a folder of this build: move it away`);
    const entries = fs.readdirSync(out).filter((entry) => entry !== HISTORY);
    if (entries.length > 0 && !entries.includes(MARK)) {
      throw new Refusal(`${name} holds files that this build did not write: move it away`);
    }
    // The mark stays, so that the folder is still known as ours when this is cut short.
    for (const entry of entries.filter((name) => name !== MARK)) {
      fs.rmSync(path.join(out, entry), { recursive: true });
    }
  }
  fs.mkdirSync(out, { recursive: true });
  fs.writeFileSync(path.join(out, MARK), 'npm run build empties this folder before it fills it.\n');
  fs.writeFileSync(path.join(out, AS_IT_LIES), '');
}

/** Put static/, the lessons, and what decks name beside themselves, where pages look for them. */
function copyFiles(out, decks) {
  const all = [
    ...listFiles(path.join(root, 'static'), { recursive: true }).map((name) => `static/${name}`),
    ...listFiles(path.join(root, 'code'), { ending: '.py' }).map((name) => `code/${name}`),
    ...decks.flatMap(({ files }) => files),
  ];
  for (const file of all) {
    fs.mkdirSync(path.join(out, path.dirname(file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(out, file));
  }
}

/** Put in place what live slides need besides static/: onnxruntime, and a page for phones. */
function copyLive(out) {
  const page = livePage(root, '.');
  if (page === undefined) return;
  fs.writeFileSync(path.join(out, 'live.html'), page);
  fs.mkdirSync(path.join(out, 'ort'));
  for (const name of RUNTIME_FILES) {
    fs.copyFileSync(path.join(root, RUNTIME_FOLDER, name), path.join(out, 'ort', name));
  }
}

/**
 * Build the site into the folder `out`.
 *
 * @returns {{decks: {name: string, slides: string[]}[], course: object}} what is in it
 * @throws {Refusal} when a deck has a mistake or `out` is not ours to empty
 */
export function buildSite(out) {
  const decks = readDecks();
  const course = readCourse(decks);
  clean(out);
  copyFiles(out, decks);
  const script = fileURLToPath(new URL('write-decks.mjs', import.meta.url));
  const built = spawnSync(process.execPath, [script, out], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_UPDATE_NOTIFIER: '1' },
  });
  if (built.status !== 0) throw new Error(`reveal-md failed:\n${built.stderr}`);

  copyLive(out);
  writeCourse(out, course);
  return { decks, course };
}

/** Say so where the first page still shows a slide as it was, with another title perhaps. */
function warnOfOldPictures() {
  if (!isThere('docs', 'pictures')) return;
  const script = fileURLToPath(new URL('pictures.mjs', import.meta.url));
  const { stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  process.stderr.write(stderr);
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await command(() => {
    const { decks, course } = buildSite(path.join(root, '_site'));
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
