// `npm run build`: writes the site, _site/, which works from any web server and any folder on it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readCourse, writeCourse } from './course.mjs';
import { checkData } from './data.mjs';
import { expand } from './directives.mjs';
import { LICENSES, readLicenses, writeLicenses } from './licenses.mjs';
import { livePage, RUNTIME_FILES, RUNTIME_FOLDER } from './live.mjs';
import { lessonNames } from './lessons.mjs';
import { policy } from './policy.mjs';
import {
  command,
  frontMatterMistake,
  isPlainFile,
  isThere,
  load,
  readJson,
  Refusal,
  root,
  takeOptions,
} from './project.mjs';
import { putInPlace, SITE } from './site.mjs';

export { command, load, Refusal, root, takeOptions };

// Tells GitHub's server to serve every file as it lies.
const AS_IT_LIES = '.nojekyll';
// Pages of the site that are no decks.
const OTHER_PAGES = ['index', '404', 'live'];

const { default: yamlFrontMatter } = await load('yaml-front-matter');

/** A line for each mistake of a deck; those in what it shows of one JSON file have one together. */
function tellProblems(file, problems) {
  const alike = new Map();
  for (const [n, problem] of problems.entries()) {
    const source = /static\/[^\s:|}]+\.json/.exec(problem.directive)?.[0] ?? n;
    alike.set(source, [...(alike.get(source) ?? []), problem]);
  }
  return [...alike].map(([source, [{ line, directive, message }, ...others]]) => {
    const more = others.length > 0 ? ` (and ${others.length} more of ${source})` : '';
    return `${file}:${line}: ${directive}: ${message}${more}`;
  });
}

/** Read and fill in every deck of slides/. Throws a Refusal with a line for each mistake in one. */
export function readDecks() {
  checkData();
  const mistakes = [];
  const settings = readJson('reveal-md.json');
  const slides = path.join(root, 'slides');
  const names = fs
    .readdirSync(slides)
    .filter((name) => name.endsWith('.md') && isPlainFile(slides, name));
  const decks = names.sort().map((name) => {
    const file = `slides/${name}`;
    const whole = fs.readFileSync(path.join(root, file), 'utf8').replace(/^\uFEFF/, '');
    let front;
    try {
      front = yamlFrontMatter.safeLoadFront(whole);
    } catch (error) {
      const { line, message } = frontMatterMistake(error);
      mistakes.push(`${file}${line ? `:${line}` : ''}: front matter: ${message}`);
      return undefined;
    }
    const { __content: markdown, ...options } = { ...settings, ...front };
    const firstLine = whole.slice(0, whole.length - markdown.length).split('\n').length;
    const deck = expand(markdown, { root, file, firstLine, assets: '.', ...options });
    mistakes.push(...tellProblems(file, deck.problems));
    if (!fs.existsSync(path.join(root, 'static', 'css', `${options.theme}.css`))) {
      mistakes.push(`${file}: theme: there is no static/css/${options.theme}.css`);
    }
    if (OTHER_PAGES.some((page) => name === `${page}.md`)) {
      mistakes.push(`${file}: its page would take the place of another; give it another name`);
    }
    const styles = path.join(root, 'node_modules', 'highlight.js', 'styles');
    if (!fs.existsSync(path.join(styles, `${options.highlightTheme}.css`))) {
      mistakes.push(`${file}: highlightTheme: highlight.js has no ${options.highlightTheme}`);
    }
    const { separator, verticalSeparator } = options;
    return {
      name: name.replace(/\.md$/, ''),
      title: front.title,
      slides: deck.slides,
      // As they are written, a list for each column.
      columns: markdown
        .replaceAll('\r\n', '\n')
        .split(new RegExp(separator, 'm'))
        .map((column) => column.split(new RegExp(verticalSeparator, 'm'))),
    };
  });
  if (mistakes.length > 0) throw new Refusal(mistakes.join('\n'));
  return decks;
}

/** Remove what reveal-md copies and no page asks for: other themes, source maps, math, its icon. */
function prune(out, pages) {
  fs.rmSync(path.join(out, 'favicon.ico'), { force: true });
  const asked = new Set(
    pages.flatMap((page) =>
      [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1]),
    ),
  );
  for (const folder of ['dist', 'plugin']) {
    for (const entry of fs.readdirSync(path.join(out, folder), { recursive: true })) {
      const file = path.join(folder, entry);
      const isFile = fs.statSync(path.join(out, file), { throwIfNoEntry: false })?.isFile();
      if (isFile && !asked.has(file.split(path.sep).join('/'))) fs.rmSync(path.join(out, file));
    }
  }
}

/** Put the scripts that slides link to where the links lead. */
function copyLessons(out) {
  fs.mkdirSync(path.join(out, 'code'));
  for (const name of lessonNames()) {
    fs.copyFileSync(path.join(root, 'code', `${name}.py`), path.join(out, 'code', `${name}.py`));
  }
}

/** Remove what reveal-md copies and the server would not send. */
function removeRefused(out, decks) {
  const isDeck = (page) => decks.some(({ name }) => page === `${name}.html`);
  const pages = fs.readdirSync(out).filter((name) => name.endsWith('.html') && !isDeck(name));
  const assets = fs
    .readdirSync(path.join(out, 'static'), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(out, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter((name) => !isPlainFile(path.join(root, 'static'), path.relative('static', name)));
  for (const name of [...pages, ...assets]) fs.rmSync(path.join(out, name));
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

/** Put the policy that the server sends into each page that is ours. */
function guardPages(out) {
  const meta = `\n    <meta http-equiv="Content-Security-Policy" content="${policy()}">`;
  const pages = fs.readdirSync(out, { recursive: true }).filter((name) => name.endsWith('.html'));
  for (const name of pages.filter((each) => each.split(path.sep)[0] !== 'static')) {
    const page = fs.readFileSync(path.join(out, name), 'utf8');
    // A page says its characters first.
    const start = /<head[^>]*>(?:\s*<meta charset[^>]*>)?/i.exec(page);
    if (!start) throw new Refusal(`${name}: its template has no <head>, where the policy belongs`);
    const end = start.index + start[0].length;
    fs.writeFileSync(path.join(out, name), page.slice(0, end) + meta + page.slice(end));
  }
}

/**
 * Build the site into the empty folder `out`.
 *
 * @returns {{decks: {name: string, slides: string[]}[], course: object}} what is in it
 * @throws {Refusal} when a deck has a mistake
 */
export function buildSite(out) {
  const decks = readDecks();
  const course = readCourse(decks);
  const licenses = readLicenses();
  fs.writeFileSync(path.join(out, AS_IT_LIES), '');
  const command = path.join(root, 'node_modules', 'reveal-md', 'bin', 'reveal-md.js');
  const safely = ['--import', new URL('safe-yaml.mjs', import.meta.url).href];
  const built = spawnSync(process.execPath, [...safely, command, 'slides', '--static', out], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_UPDATE_NOTIFIER: '1' },
  });
  // Its output is a list of copied files and of images that it looks for beside the decks in vain.
  if (built.status !== 0) {
    const said = built.error?.message ?? /^(?:\w*Error|E[A-Z]+): .*$/m.exec(built.stderr)?.[0];
    throw new Error(`reveal-md failed: ${said ?? built.stderr.trim()}`);
  }

  removeRefused(out, decks);
  copyLessons(out);
  copyLive(out);
  writeCourse(out, course);
  prune(
    out,
    decks.map(({ name }) => fs.readFileSync(path.join(out, `${name}.html`), 'utf8')),
  );
  writeLicenses(out, course, licenses);
  guardPages(out);
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
    takeOptions('npm run build');
    // Elsewhere first, so that a site stays whole until there is another.
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'slides-'));
    let built;
    try {
      built = buildSite(folder);
      putInPlace(folder, SITE);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
    const { decks, course } = built;
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
