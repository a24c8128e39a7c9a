// The pages around the decks: index.html, a page for each lesson, and the page for what is missing.
//
// What they say comes from slides/course.json, from the decks, and from the lessons.

import fs from 'node:fs';
import path from 'node:path';

import { compare } from '../charts/compare.mjs';
import { curve } from '../charts/curve.mjs';
import { fillIn } from '../html.mjs';
import { linesBelow } from '../expand/heading.mjs';
import { liveStill } from '../expand/live.mjs';
import { readDeclared, readLesson, RUN, scriptNames } from './lessons.mjs';
import { isThere, printedName, readJson, Refusal, root, siteAddress } from '../project.mjs';
import { withLongCode, withSections } from './sections.mjs';
import { show } from '../expand/values.mjs';

const COURSE = 'slides/course.json';
const DATASETS = 'static/datasets.json';
const LIVE = 'live.html';
// Notebooks are not in the repository, so the workflow that publishes the site puts them there.
const BRANCH = 'notebooks';
// A listing that shows what a lesson's own run has learned.
const SHOWS =
  /<div class="highlight(?:(?!<\/div>)[^])*?<span class="n">trained<\/span><span class="o">\.[^]*?<\/div>\n/;
const SETTINGS = {
  deck: 'text',
  description: 'text',
  learn: [],
  footer: 'text',
  license: 'text',
  lessons: [],
  // Of README.md: for each file the heading of a column and, below its first slide, of another in it.
  'pictures?': { '*': ['text'] },
};

/** Read slides/course.json. Throws a Refusal with a line for each mistake. */
export function readSettings(decks) {
  const keys = Object.keys(SETTINGS).map((key) => key.replace('?', ''));
  const unknown = Object.keys(readJson(COURSE)).filter((key) => !keys.includes(key));
  if (unknown.length > 0) {
    const there = keys.join(', ');
    throw new Refusal(`${COURSE}: there is no setting ${unknown.join(', ')}; there is ${there}`);
  }
  const settings = readJson(COURSE, SETTINGS);
  const scripts = scriptNames();
  const mistakes = settings.lessons
    .filter((name) => !scripts.includes(name))
    .map((name) => `${COURSE}: lessons: there is no code/${name}.py`);
  const there = decks.map(({ name }) => name);
  if (!there.includes(settings.deck)) {
    mistakes.push(`${COURSE}: deck: no slides/${settings.deck}.md; there is ${there.join(', ')}`);
  }
  if (mistakes.length > 0) throw new Refusal(mistakes.join('\n'));
  return settings;
}

/** Where the code is read in a browser: `repository` of package.json; undefined where not set. */
function repository(given) {
  const url = (typeof given === 'string' ? given : given?.url)?.trim();
  if (!url) return undefined;
  const shorthand = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(url)?.[1];
  const address = shorthand
    ? `https://github.com/${shorthand}`
    : url
        .replace(/^git\+/, '')
        .replace(/^(?:ssh:\/\/)?git@([^:/]+)[:/]/, 'https://$1/')
        .replace(/^git:/, 'https:');
  const clean = address.replace(/\.git$/, '').replace(/\/$/, '');
  if (!/^https?:\/\/[^/\s"<>]+\/[^\s"<>]+$/.test(clean)) {
    throw new Refusal(
      `package.json: repository ${url} is not an address: write https://github.com/OWNER/NAME`,
    );
  }
  return clean;
}

/** What the pages say about a deck: its title, and the lines on its first slide. */
function describe({ name, title, slides, routes }) {
  const [subtitle, ...byline] = linesBelow(slides[0]);
  const picture = `static/img/slides/${name}.png`;
  return {
    name,
    page: `${name}.html`,
    title,
    subtitle,
    byline: byline.join(' · '),
    length: routes.join('\u00a0· '),
    picture: isThere(picture) ? picture : undefined,
  };
}

/** The PDFs of a deck that are in the project's folder, and not older than what they show. */
function downloads(deck) {
  return [
    { file: `${printedName(deck)}.pdf`, label: 'Slides as PDF' },
    { file: `${printedName(deck)}-handout.pdf`, label: 'Handout, PDF' },
  ].filter(({ file }) => {
    const changed = (name) => fs.statSync(path.join(root, name)).mtimeMs;
    return isThere(file) && changed(file) >= changed(`slides/${deck}.md`);
  });
}

/** The three largest numbers of a run off the diagonal of its confusion matrix, in words. */
function confused({ classes, runs: [{ confusion = [] }] }) {
  const pairs = confusion.flatMap((row, i) => {
    const all = row.reduce((sum, count) => sum + count);
    return row.map((count, j) => ({ i, j, share: i === j ? 0 : count / all }));
  });
  pairs.sort((a, b) => b.share - a.share);
  const said = pairs
    .slice(0, 3)
    .map(({ i, j, share }) => `${classes[i]} taken for ${classes[j]} (${show(share, 'percent')})`);
  return said.join(', ');
}

/** The rows of the table beside a lesson, from its record. */
function recordRows(record) {
  const [run] = record.runs;
  const { n } = record.test_accuracy;
  const datasets = isThere(DATASETS) ? readJson(DATASETS) : {}; // what each is, in a sentence
  const text = (value) => show(value, 'text');
  return [
    ['Test accuracy', show(record.test_accuracy, 'percent')],
    ['Validation accuracy', show(record.validation_accuracy, 'percent')],
    ['Data', datasets[record.dataset] ?? text(record.dataset)],
    ['Runs', n > 1 ? `${n}, mean ± standard deviation` : text(n)],
    ['Epochs', text(record.recipe.epochs)],
    ['Trained on', `${run.device}, ${run.precision}`],
    ['Most often confused', confused(record)],
    ['Parameters', show(record.parameters, 'integer')],
    ['Multiply-accumulates', `${show(record.macs, 'millions')} an image`],
    ['PyTorch', text(run.torch)],
    ['Commit', text(run.commit)],
  ]
    .filter(([, value]) => value)
    .map(([head, value]) => ({ head, value }));
}

/**
 * Read what the pages around the decks say.
 *
 * @param {{name: string, title: string, slides: string[], columns: string[][],
 *   routes: string[]}[]} decks
 * @returns {object} for writeCourse
 * @throws {Refusal} with a line for each mistake in slides/course.json, or for one in package.json
 */
export function readCourse(decks) {
  const settings = readSettings(decks);
  const { repository: given, homepage } = readJson('package.json');
  // The course's own deck first.
  const sorted = [...decks].sort(
    (a, b) => Number(b.name === settings.deck) - Number(a.name === settings.deck),
  );
  const [deck, ...others] = sorted.map(describe);
  return {
    ...settings,
    deck,
    others,
    lessons: readDeclared().map(([name, declared]) => readLesson(name, declared, sorted)),
    title: deck.title,
    repository: repository(given),
    address: siteAddress(homepage),
  };
}

/** Fill in a page; `base` is where it finds the site's folder. */
function render(course, name, base, values) {
  const absolute = (file) =>
    course.address !== undefined && file !== undefined ? course.address + file : undefined;
  return fillIn(new URL(`pages/${name}.html`, import.meta.url), {
    course,
    base,
    ...values,
    // Whoever shows a link to the page elsewhere asks for whole addresses.
    url: absolute(values.page),
    image: absolute(values.picture ?? course.deck.picture),
  });
}

/** Say in the page of a deck, which reveal-md wrote, what a link to it shows elsewhere. */
function describeDeck(out, course, deck) {
  const description = deck === course.deck ? course.description : deck.subtitle;
  const file = path.join(out, deck.page);
  const said = render(course, 'meta', '.', { ...deck, description: description ?? deck.title });
  const page = fs.readFileSync(file, 'utf8');
  // A function, because a replacement's dollar signs would be read as patterns.
  fs.writeFileSync(
    file,
    page.replace('</title>\n', (end) => end + said),
  );
}

/** Where a lesson can be read, run and tried out, for its row and for its page. */
function links(course, lesson, out) {
  const { name, run, slide } = lesson;
  const isGitHub = course.repository && new URL(course.repository).hostname === 'github.com';
  const isLive = fs.existsSync(path.join(out, LIVE)) && isThere('static', 'models', `${name}.onnx`);
  const source = isGitHub ? 'blob' : '-/blob';
  const notebook = `blob/${BRANCH}/${name}.ipynb`;
  return [
    { label: 'Slides', to: slide },
    { label: 'Lesson', to: run && `lessons/${name}.html`, isLesson: true },
    { label: 'Script', to: `code/${name}.py` },
    { label: 'Notebook', to: run && `code/${name}.ipynb` },
    { label: 'Try it live', to: isLive ? `${LIVE}?network=${name}` : undefined },
    {
      label: 'Colab',
      to:
        run && isGitHub
          ? `https://colab.research.google.com/github${new URL(course.repository).pathname}/${notebook}`
          : undefined,
      isAway: true,
    },
    {
      label: 'Source',
      to: course.repository && `${course.repository}/${source}/HEAD/code/${name}.py`,
      isAway: true,
    },
  ].filter(({ to }) => to !== undefined);
}

/** Write the notebook of a lesson, without outputs: with these it is on the page. */
function writeNotebook(course, name, file) {
  const notebook = readJson(`${RUN}/${name}.ipynb`);
  for (const cell of notebook.cells.filter((each) => each.cell_type === 'code')) {
    cell.outputs = [];
    cell.execution_count = null;
  }
  if (course.repository) {
    // Away from the repository, on Colab for instance, the lessons' own package is missing.
    notebook.cells.unshift({
      cell_type: 'code',
      id: 'install',
      execution_count: null,
      metadata: {},
      outputs: [],
      source: [
        'try:\n',
        '    import lab\n',
        'except ImportError:\n',
        `    %pip install --quiet git+${course.repository}`,
      ],
    });
  }
  fs.writeFileSync(file, `${JSON.stringify(notebook, null, 1)}\n`);
}

/** Put a record where a lesson shows what it learned, or else at its end. */
function withRecord(cells, recorded, isSmoke) {
  const which = 'From the smoke run of this page, which has hardly begun to learn:';
  const drawn = isSmoke ? `<p class="drawn">${which}</p>\n` : '';
  if (!SHOWS.test(cells)) return cells + recorded;
  return cells.replace(SHOWS, (code) => `${recorded}${code}${drawn}`);
}

/** Write a lesson's page, its pictures and its notebook. */
function writeLesson(out, course, lesson, { previous, next }) {
  const { name, run, record } = lesson;
  for (const picture of run.pictures) {
    fs.copyFileSync(path.join(root, RUN, picture), path.join(out, 'lessons', picture));
  }
  writeNotebook(course, name, path.join(out, 'code', `${name}.ipynb`));
  const leadTo = (other) => other && { title: other.title, to: `${other.name}.html` };
  const isSmoke = run.arguments.includes('--smoke');
  const rows = record && recordRows(record);
  const recorded = record
    ? render(course, 'recorded', '..', { isSmoke, rows, curve: curve(record.runs[0].history) })
    : '';
  const { html, contents } = withSections(withLongCode(run.body), ['recorded']);
  const page = render(course, 'lesson', '..', {
    previous: leadTo(previous),
    next: leadTo(next),
    page: `lessons/${name}.html`,
    title: lesson.title,
    description: lesson.idea,
    lesson,
    body: withRecord(html, recorded, isSmoke),
    contents,
    isLong: contents.length > 2,
    links: links(course, lesson, out)
      .filter(({ isLesson }) => !isLesson)
      .map((link) => ({ ...link, to: link.isAway ? link.to : `../${link.to}` })),
    rows,
  });
  fs.writeFileSync(path.join(out, 'lessons', `${name}.html`), page);
}

/** All recorded networks, drawn and in a table. */
function comparison(lessons) {
  const entries = lessons
    .filter(({ record }) => record)
    .map(({ title, short, record }) => ({ name: short ?? title, record }));
  return entries.length > 1 ? compare(entries, 'test_accuracy', 'macs') : undefined;
}

/**
 * Write the pages around the decks into the site `out`, when all that they link to is there.
 *
 * @param {string} out the site's folder
 * @param {object} course what readCourse returned
 */
export function writeCourse(out, course) {
  const { lessons, deck, others } = course;
  for (const each of [deck, ...others]) describeDeck(out, course, each);
  for (const { file } of downloads(deck.name)) {
    fs.copyFileSync(path.join(root, file), path.join(out, file));
  }
  const pages = lessons.filter(({ run }) => run);
  if (pages.length > 0) fs.mkdirSync(path.join(out, 'lessons'), { recursive: true });
  pages.forEach((lesson, n) => {
    writeLesson(out, course, lesson, { previous: pages[n - 1], next: pages[n + 1] });
  });
  const hasLive = fs.existsSync(path.join(out, LIVE));
  const index = render(course, 'index', '.', {
    isIndex: true,
    page: '',
    title: course.title,
    description: course.description,
    downloads: downloads(deck.name),
    live: hasLive && LIVE,
    still: hasLive && liveStill(root, '.'),
    lessons: lessons.map((lesson) => {
      const to = links(course, lesson, out);
      const title = to.find(({ isLesson }) => isLesson) ?? to[0];
      return { ...lesson, to: title.to, links: to };
    }),
    comparison: comparison(lessons),
    hasOthers: course.others.length > 0,
  });
  fs.writeFileSync(path.join(out, 'index.html'), index);
  // A server shows it for any address, so it knows its own only where the site's is known.
  const base = course.address ? new URL(course.address).pathname.replace(/\/$/, '') : '.';
  const missing = render(course, 'missing', base, {
    title: 'Page not found',
    description: course.description,
    isMissing: true,
  });
  fs.writeFileSync(path.join(out, '404.html'), missing);
}
