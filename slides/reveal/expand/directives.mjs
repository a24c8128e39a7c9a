// Turns a deck as it is written into Markdown that reveal.js shows: fills in code, values, drawings.
//
//   {{ code/lenet.py: LeNet5.forward [1-3|4] }}                  a definition, stepped by its lines
//   {{ code/lenet.py: LeNet5 | docstring untyped }}              with its docstring, without types
//   {{ static/results/lenet.json: test_accuracy | percent }}     a value, in the format named
//   {{ static/results/lenet.json: runs.0.history | curve }}      a training, drawn
//   {{ static/results/resnet.json: ., variants.plain20 | curves train_loss }}
//                                                                several, "." being the whole file;
//                                                                "curves FIELD: one, two" names them
//   {{ static/results: test_accuracy | compare macs }}           all records, against their cost;
//                                                                "compare macs: lenet, resnet": some
//   {{ static/facts.json: resnet.cifar10 | layers: conv5_x }}    a network, stage by stage; a step
//                                                                marks those named
//   {{ static/searches/nsganet.json: searches.nsga2, searches.random | front }}
//                                                                searches with two objectives;
//                                                                "front generations": one, stepped
//   {{ static/searches/darts.json: . | shares normal }}          a differentiable search, by epoch
//   {{ static/lessons.json: . | lessons }}                       the lessons, each a link to its script
//   {{ static/img/inception-a.svg | figure }}                    a drawing; "figure steps": stepped
//   {{ static/models/lenet.onnx | live }}                        a network that runs in the page
//   {{ static/models | live }}                                   all of them, side by side, or
//                                                                "live: lenet, resnet", some
//   {{ static/learn/lenet.json: . | learn }}                     a network that learns in the page
//   {{ claim: results.resnet.macs > results.lenet.macs }}        nothing, where it is so: claims.mjs
//
// TeX between dollars is an equation: math.mjs. A listing in Mermaid is drawn: diagram.mjs. Columns,
// callouts and footnotes: blocks.mjs.
//
// A slide with <!-- .slide: data-needs="static/results/lenet.json" --> is left out until that file is
// there: a lesson has slides before it has a record.
//
// A directive that cannot be filled in becomes an entry in `problems` and turns its slide into one
// that tells the author, so that nothing here ever throws at a server.

import fs from 'node:fs';
import path from 'node:path';

import { expandBlocks, NEW, readFootnotes } from './blocks.mjs';
import { answering, compare, shortName } from '../charts/compare.mjs';
import { curve, curves, shares } from '../charts/curve.mjs';
import { checkClaim } from './claims.mjs';
import { diagram, replaceDiagrams } from './diagram.mjs';
import { figure } from './figure.mjs';
import { front } from '../charts/front.mjs';
import { titleOf } from './heading.mjs';
import { escapeText } from '../html.mjs';
import { layers } from './layers.mjs';
import { learn } from './learn.mjs';
import { LESSON, replaceLinks, resolver, withTheirOwn } from './links.mjs';
import { live, modelsIn } from './live.mjs';
import { listFiles } from '../project.mjs';
import { FENCE, NOTES } from './marks.mjs';
import { LINE_WAS, replaceEquations } from './math.mjs';
import { definition } from './python.mjs';
import { brief, lookUp, show } from './values.mjs';

// What stays as it is, and what is filled in.
const CODE_SPAN_OR_DIRECTIVE = /(`+)[^`]*\1|\\\{\{|[ \t]*\{\{(.*?)\}\}/g;
// The notes begin with the time that the slide takes.
const MINUTES = /^\s*notes?:\s*(\d+) minutes?\b/i;
const NEEDS = /<!--\s*\.slide:[^>]*\bdata-needs="([^"]*)"/;
// Such a slide is in no page, on no paper, and has no number.
const HIDDEN = /<!--\s*\.slide:[^>]*\bdata-visibility\s*=\s*["']?hidden\b/;
const MADE = /^static\/(?:results|models|searches)\/([\w-]+)\.(?:json|onnx)$/;
const FACTS = 'static/facts.json';
const NETWORK = '.onnx';
const CLAIM = /^claim:(.*)$/;
// The end of a line of the deck.
const AS_WRITTEN = new RegExp(`\n(?!${NEW})`);
const READ =
  'a directive reads code/….py, static/….json or static/….svg, or is claim: …; for braces, write \\{{';

/** Return the path of what must lie in the folder that its name begins with: `code/`, `static/`. */
function locate(root, name) {
  const [folder] = name.split('/');
  const home = fs.realpathSync(path.join(root, folder));
  const outside = (file) =>
    path.relative(home, file).split(path.sep)[0] === '..' ||
    path.isAbsolute(path.relative(home, file));
  const file = path.resolve(root, name);
  if (outside(file)) throw new Error(`the path leaves ${folder}/`);
  if (!fs.existsSync(file)) {
    const kind = path.extname(name);
    const there = listFiles(home, { recursive: true })
      .filter((entry) => path.extname(entry) === kind)
      .map((entry) => `${folder}/${entry}`);
    throw new Error(
      `there is no such file; there is ${there.join(', ') || `no ${kind} file in ${folder}/`}`,
    );
  }
  if (outside(fs.realpathSync(file))) throw new Error(`the path leaves ${folder}/`);
  return file;
}

function read(root, name) {
  return fs.readFileSync(locate(root, name), 'utf8');
}

function readJson(root, name) {
  const source = read(root, name);
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new Error(`that is not JSON: ${error.message}`);
  }
}

/** Throw an Error unless the steps, `1-3|4`, are of lines that a listing has. */
function checkSteps(steps, count, name) {
  for (const [step, from, to = from] of steps.matchAll(/(\d+)(?:\s*-\s*(\d+))?/g)) {
    if (Number(from) === 0 || Number(from) > Number(to))
      throw new Error(`the step ${step} is no lines: they count from 1, the lower first`);
    if (Number(to) > count)
      throw new Error(`the steps go to line ${to}, but ${name} has ${count} lines as shown`);
  }
}

function includeCode({ root, assets, file }, { name, steps, option }) {
  const options = option?.trim().split(/\s+/) ?? [];
  const unknown = options.find((each) => !['docstring', 'untyped'].includes(each));
  if (unknown !== undefined) {
    throw new Error(`code takes the options docstring and untyped, not ${unknown}`);
  }
  const lines = definition(read(root, file), name, {
    docstring: options.includes('docstring'),
    untyped: options.includes('untyped'),
  });
  checkSteps(steps ?? '', lines.length, name);
  const longest = Math.max(
    0,
    ...(lines.join('\n').match(/`+/g) ?? []).map((ticks) => ticks.length),
  );
  const fence = '`'.repeat(Math.max(3, longest + 1));
  const said = LESSON.test(file)
    ? `<a href="${assets}/${file}">${escapeText(file)}</a>`
    : escapeText(file);
  const label = `<p class="source">${said}</p>`;
  return `${fence}python${steps === undefined ? '' : ` [${steps}]`}\n${lines.join('\n')}\n${fence}\n\n${label}`;
}

/** Return every network's record in a folder that has `key`, with the network's name. */
function readRecords(root, folder, key, wanted) {
  const names = only(wanted, listFiles(locate(root, folder), { ending: '.json' }));
  const facts = fs.existsSync(path.join(root, FACTS)) ? readJson(root, FACTS) : {};
  return names
    .map((name) => readJson(root, `${folder}/${name}`))
    .filter((record) => Number.isFinite(record[key]?.mean))
    .map((record) => ({
      name: shortName(facts, record.network) ?? record.network,
      record: answering(facts, record),
    }));
}

/**
 * The files of a folder that are wanted, all where none is named.
 *
 * @param {string|undefined} wanted names without their ending, `lenet, resnet`
 * @param {string[]} files
 */
function only(wanted, files) {
  if (wanted === undefined) return files;
  const nameOf = (file) => path.basename(file, path.extname(file));
  const names = wanted.split(',').map((name) => name.trim());
  const missing = names.find((name) => !files.some((file) => nameOf(file) === name));
  if (missing !== undefined) {
    throw new Error(`there is no ${missing} in it; there is ${files.map(nameOf).join(', ')}`);
  }
  return files.filter((file) => names.includes(nameOf(file)));
}

/** Draw the networks that run in the page: one, or those of a folder. */
function drawLive({ root, assets, file }, { names } = { names: undefined }) {
  locate(root, file);
  const files = file.endsWith(NETWORK) ? [file] : only(names, modelsIn(root, file));
  if (files.length === 0) throw new Error(`there is no ${NETWORK} file in it`);
  return live(root, files, assets);
}

/**
 * What is drawn from values, by its name: from the file's content, the keys, a word, the context,
 * which has the names behind a colon.
 */
const DRAWINGS = {
  curve: (whole, [key]) => curve(lookUp(whole, key)),
  curves: (whole, keys, word, { names }) =>
    curves(
      keys.map((key) => lookUpOrAll(whole, key)),
      word,
      names,
    ),
  layers: (whole, [key], word, { names }) => layers(lookUp(whole, key), key, names),
  front: (whole, keys, word) => {
    const searches = keys.map((key) => ({ key, search: lookUp(whole, key) }));
    return front(whole, searches, word);
  },
  shares: (whole, [key], word) => shares(lookUpOrAll(whole, key), word),
  learn: (whole, [key], word, { file, assets }) => learn(lookUpOrAll(whole, key), file, assets),
  lessons: (whole, [key], word, { root, assets }) => {
    const names = Object.keys(lookUpOrAll(whole, key));
    names.forEach((name) => locate(root, `code/${name}.py`));
    return names.map((name) => `<a href="${assets}/code/${name}.py">${name}</a>`).join(', ');
  },
};
// The words that may stand behind a drawing's name, where not any may.
const WORDS = { front: [undefined, 'generations'], shares: ['normal', 'reduction'] };
// Those that take names behind a colon.
const NAMED = ['curves', 'layers'];

function lookUpOrAll(whole, key) {
  return key === '.' ? whole : lookUp(whole, key);
}

/** Write a value, or draw what it holds. */
function showValues(context, { keys, option = 'text' }) {
  const { json, file, alone } = context;
  const [said, ...named] = option.split(':');
  const [format, word] = said.trim().split(/\s+/);
  if (!Object.hasOwn(DRAWINGS, format)) {
    return escapeText(show(lookUp(json(file), keys), option, Object.keys(DRAWINGS)));
  }
  needLine(alone);
  if (WORDS[format]?.includes(word) === false) {
    const words = WORDS[format].filter(Boolean).join(', ');
    throw new Error(`${format} takes ${words}, not ${word ?? 'nothing'}`);
  }
  const names = named
    .join(':')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (names.length > 0 && !NAMED.includes(format)) {
    throw new Error(`${format} takes no names behind a colon`);
  }
  return DRAWINGS[format](json(file), keys.split(/\s*,\s*/), word, { ...context, names });
}

function needLine(alone) {
  if (!alone) throw new Error('code and drawings need a line of their own');
}

/** By the ending of a file's name: where it lies, what may be written of it, who fills that in. */
const ENDINGS = {
  '.py': {
    home: 'code',
    form: '{{ code/FILE.py: Name [1-3|4] }}',
    grammar:
      /^:\s*(?<name>[^\s|[\],]+)\s*(?:\[(?<steps>[\d\s,|-]*)\])?\s*(?:\|\s*(?<option>[^|]+))?$/,
    fillIn: includeCode,
  },
  '.json': {
    home: 'static',
    form: '{{ static/FILE.json: key | format }}',
    grammar: /^:\s*(?<keys>[^\s|[\],]+(?:\s*,\s*[^\s|[\],]+)*)\s*(?:\|\s*(?<option>[^|]+))?$/,
    inline: true,
    fillIn: showValues,
  },
  '.svg': {
    home: 'static',
    form: '{{ static/img/FILE.svg | figure }} or {{ static/img/FILE.svg | figure steps }}',
    grammar: /^\|\s*figure(?<steps>\s+steps)?$/,
    fillIn: ({ root, file, line }, { steps }) =>
      figure(read(root, file), { stepped: steps !== undefined, prefix: `line-${line}-` }),
  },
  [NETWORK]: {
    home: 'static',
    form: '{{ static/models/FILE.onnx | live }}',
    grammar: /^\|\s*live$/,
    fillIn: drawLive,
  },
};
const FOLDER = {
  home: 'static',
  form: [
    '{{ static/FOLDER: key | compare macs }}, {{ static/FOLDER | live }}',
    ...Object.values(ENDINGS).map(({ form }) => form),
  ].join(' or '),
  grammar:
    /^(?::\s*(?<key>[^\s|[\],]+)\s*\|\s*compare(?:\s+(?<word>[^\s:]+))?|\|\s*live)(?:\s*:\s*(?<names>[\w-]+(?:\s*,\s*[\w-]+)*))?$/,
  fillIn: (context, { key, word, names }) =>
    key === undefined
      ? drawLive(context, { names })
      : compare(readRecords(context.root, context.file, key, names), key, word),
};

/** Whether a slide, as it is written, needs what the commands have not made yet. */
function lacks(root, text) {
  const file = NEEDS.exec(text)?.[1];
  if (file === undefined || fs.existsSync(path.join(root, file))) return false;
  const name = MADE.exec(file)?.[1];
  return name !== undefined && fs.existsSync(path.join(root, 'code', `${name}.py`));
}

/** Whether a slide, as it is written or filled in, is in the page. */
export const isShown = (root, slide) => !HIDDEN.test(slide) && !lacks(root, slide);

/** Fill in one directive; `alone` tells whether it has its line to itself. */
function fill(context, inner) {
  const claim = CLAIM.exec(inner.trim())?.[1];
  if (claim !== undefined) {
    checkClaim(claim.trim(), context.root, context.json);
    return '';
  }
  const [file] = inner.trim().split(/[\s:|]/, 1);
  const rest = inner.trim().slice(file.length).trim();
  const { home, form, grammar, inline, fillIn } = ENDINGS[path.extname(file)] ?? FOLDER;
  if (!file.startsWith(`${home}/`)) throw new Error(READ);
  const parts = grammar.exec(rest);
  if (parts === null) throw new Error(`that cannot be read; write ${form}`);
  if (!inline) needLine(context.alone);
  return fillIn({ ...context, file }, parts.groups);
}

/**
 * Fill in a deck.
 *
 * @param {string} markdown the deck without its front matter
 * @param {object} context
 * @param {string} context.root the project's folder
 * @param {string} context.file the deck's path for messages
 * @param {number} context.firstLine the line of `file` on which `markdown` begins, from 1
 * @param {string} context.separator regular expression between slides
 * @param {string} context.verticalSeparator the same between the slides below one another
 * @param {string} context.assets where its page finds the folders static/, slides/ and code/
 * @param {Record<string, string>} [context.bibliography] footnotes of the front matter
 * @param {unknown} [context.title] of the front matter
 * @returns {{title: unknown, markdown: string, slides: string[], problems: {file: string, line: number,
 *   directive: string, message: string}[], files: string[]}} what to show, its slides one by one,
 *   what went wrong, the files of slides/ that it needs
 */
export function expand(markdown, context) {
  const { root, file, firstLine, separator, verticalSeparator, assets, bibliography } = context;
  const problems = [];
  const files = new Set();
  const resolve = resolver({ root, file, assets });
  // A deck takes many values of few files.
  const documents = new Map();
  const json = (name) => {
    if (!documents.has(name)) documents.set(name, readJson(root, name));
    return documents.get(name);
  };
  let line = firstLine;
  let diagrams = 0;

  const mistake = (at, directive, message) => problems.push({ file, line: at, directive, message });

  function attempt(directive, job, at = line) {
    try {
      return job();
    } catch (error) {
      mistake(at + (error.below ?? 0), directive, error.message.split('\n')[0]);
      return '';
    }
  }

  function expandLine(text) {
    const filled = text.replace(CODE_SPAN_OR_DIRECTIVE, (match, ticks, inner) => {
      if (inner === undefined) return match;
      const directive = match.trim();
      const alone = text.trim() === directive;
      const shown = attempt(directive, () => fill({ root, assets, json, line, alone }, inner));
      // Of what shows nothing no blanks stay either: two at the end of a line would break it.
      return shown && match.replace(directive, () => shown);
    });
    // What `replace` has dealt with is gone from this, so a brace that is left was never closed.
    if (text.replace(CODE_SPAN_OR_DIRECTIVE, '').includes('{{')) {
      mistake(line, text.trim(), '{{ has no }} on its line; for braces, write \\{{');
    }
    // A line that held nothing but claims is gone: left empty, it would end a list or a paragraph.
    return filled === '' && text !== '' ? [] : filled;
  }

  const linesIn = (text) =>
    text.match(new RegExp(`${AS_WRITTEN.source}|${LINE_WAS}`, 'g'))?.length ?? 0;

  function setEquations(text) {
    const first = line;
    const set = replaceEquations(text, (written, offset, job) => {
      line = first + linesIn(text.slice(0, offset));
      return attempt(brief(written.replace(/\s+/g, ' ')), job);
    });
    line = first;
    return set;
  }

  function linkFiles(text) {
    const first = line;
    const linked = replaceLinks(text, (reference, offset) => {
      line = first + linesIn(text.slice(0, offset));
      return attempt(reference, () => {
        const { address, place } = resolve(reference);
        if (place) withTheirOwn(root, [place]).forEach((each) => files.add(each));
        return address;
      });
    });
    line = first;
    return linked;
  }

  function drawDiagrams(shown, text, first) {
    return replaceDiagrams(shown, (opening, source, listing) => {
      const at = first + linesIn(text.slice(0, Math.max(text.indexOf(listing), 0)));
      diagrams += 1;
      return attempt(opening, () => diagram(source, `diagram-${diagrams}-`), at);
    });
  }

  function expandSlide(text) {
    const first = line;
    const before = problems.length;
    if (lacks(root, text)) {
      line += text.split('\n').length - 1;
      return '\n<!-- .slide: data-visibility="hidden" -->\n';
    }
    const needs = NEEDS.exec(text);
    if (needs && !fs.existsSync(path.join(root, needs[1]))) {
      const message = 'no code/NAME.py makes such a file: write static/results/NAME.json';
      mistake(line, needs[0], message);
    }
    let fence = '';
    let notes = 0;
    let minutes;
    const written = expandBlocks(text, footnotes, (below, directive, message) =>
      mistake(line + below, directive, message),
    );
    const linked = linkFiles(setEquations(written));
    const lines = linked.split(AS_WRITTEN).flatMap((raw, n, all) => {
      const mark = FENCE.exec(raw)?.[1] ?? '';
      let shown = raw;
      if (fence !== '') {
        if (mark.startsWith(fence) && raw.trim() === mark) fence = '';
      } else if (mark !== '') {
        fence = mark;
      } else {
        if (NOTES.test(raw)) {
          minutes ??= MINUTES.exec(all.slice(n).join('\n'))?.[1];
          notes += 1;
        }
        if (notes > 1) {
          mistake(line, raw.trim(), 'a second Note: in one slide would show both to the audience');
          notes = 1;
        }
        shown = expandLine(raw);
      }
      if (n < all.length - 1) line += 1;
      line += linesIn(raw);
      return shown;
    });
    const shown = drawDiagrams(lines.join('\n'), text, first);
    if (problems.length > before) {
      problems.push(...problems.splice(before).sort((a, b) => a.line - b.line));
      return errorSlide(problems.slice(before));
    }
    // The speaker view counts in seconds.
    const timing = minutes && `<!-- .slide: data-timing="${60 * minutes}" -->\n`;
    // Blank lines at the start make reveal.js take the slide's own indentation for the page's.
    return `\n${timing ?? ''}${shown
      .replaceAll(LINE_WAS, '')
      .replaceAll(NEW, '')
      .replace(/^(?:[ \t]*\n)+/, '')}`;
  }

  const whole = markdown.replaceAll('\r\n', '\n').replace(/[\v\f]/g, ' '); // LINE_WAS, NEW
  const footnotes = readFootnotes(whole, bibliography);
  const slides = [];
  let filled = '';
  let end = 0;
  for (const { 0: between, index } of whole.matchAll(
    new RegExp(`${separator}|${verticalSeparator}`, 'gm'),
  )) {
    slides.push(expandSlide(whole.slice(end, index)));
    filled += slides.at(-1) + between;
    line += between.split('\n').length - 1;
    end = index + between.length;
  }
  slides.push(expandSlide(whole.slice(end)));
  filled += slides.at(-1);
  const first = slides.find((slide) => isShown(root, slide));
  if (first === undefined) {
    const message = 'each is hidden, or waits by data-needs for what is not recorded yet';
    mistake(firstLine, 'no slide of it is shown', message);
    filled = errorSlide(problems);
  }
  const title = titleOf(context, first);
  return { title, markdown: filled, slides, problems, files: [...files] };
}

/** Write a slide that tells the author what is wrong, where, and what there is. */
export function errorSlide(problems) {
  // Several values of one file that is not there are one mistake.
  const same = new Map();
  for (const problem of problems) {
    const [subject] = problem.directive.split(':');
    const kind = `${subject}\n${problem.message}`;
    same.set(kind, [...(same.get(kind) ?? []), problem]);
  }
  const items = [...same.values()].map((alike) => {
    const [{ file, directive, message }] = alike;
    const lines = [...new Set(alike.map(({ line }) => line))];
    const others = alike.length > 1 ? ` and ${alike.length - 1} more` : '';
    const where = `${file}, line${lines.length > 1 ? 's' : ''} ${lines.join(', ')}`;
    return `<li><code>${escapeText(directive)}</code>${others}<br>${escapeText(message)}<br><small>${escapeText(where)}</small></li>`;
  });
  return [
    '\n<!-- .slide: class="mistake" -->',
    '### This slide cannot be shown',
    '',
    `<ul>${items.join('\n')}</ul>`,
    '',
    'The page reloads when you have fixed it.\n',
  ].join('\n');
}
