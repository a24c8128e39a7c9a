// Turns a deck as it is written into Markdown that reveal.js shows: fills in code and values.
//
//   {{ code/lenet.py: LeNet5.forward [1-3|4] }}                  a definition, stepped by its lines
//   {{ code/lenet.py: LeNet5 | docstring }}                      the same with its docstring
//   {{ static/results/lenet.json: test_accuracy | percent }}     a value, in the format named
//   {{ static/results/lenet.json: runs.0.history | curve }}      a training, drawn
//
// A directive that cannot be filled in becomes an entry in `problems` and turns its slide into one
// that tells the author, so that nothing here ever throws at a server.

import fs from 'node:fs';
import path from 'node:path';

import { curve } from './curve.mjs';
import { definition } from './python.mjs';
import { lookUp, show } from './values.mjs';

const DIRECTIVE = /^([^\s:|]+)\s*:\s*([^\s|[\]]+)\s*(?:\[([\d\s,|-]*)\])?\s*(?:\|\s*([^|]+?))?$/;
const CODE_SPAN_OR_DIRECTIVE = /(`+)[^`]*\1|\{\{(.*?)\}\}/g;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
// static/… where HTML and Markdown name files: src="…", data-background-image="…", ](…).
const STATIC_FILE = /(\b(?:src|href|poster|data-[\w-]+)\s*=\s*["']|\]\()(static\/[^"')\s#?]+)/g;

/** Escape text for HTML, and what Markdown would take for its own. */
function escapeText(text) {
  return text.replace(/[&<>"'*_`[\]|\\~]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Read a file that must lie in the folder its path begins with: `code/` or `static/`. */
function read(root, name) {
  const [folder] = name.split('/');
  const kind = { code: '.py', static: '.json' }[folder];
  if (kind === undefined || !name.endsWith(kind)) {
    throw new Error('a directive reads code/….py or static/….json');
  }
  const home = fs.realpathSync(path.join(root, folder));
  const outside = (file) =>
    path.relative(home, file).split(path.sep)[0] === '..' ||
    path.isAbsolute(path.relative(home, file));
  const file = path.resolve(root, name);
  if (outside(file)) throw new Error(`the path leaves ${folder}/`);
  if (!fs.existsSync(file)) {
    const there = fs
      .readdirSync(home, { recursive: true })
      .filter((entry) => entry.endsWith(kind) && !entry.includes('__pycache__'))
      .map((entry) => `${folder}/${entry.split(path.sep).join('/')}`)
      .sort();
    throw new Error(
      `there is no such file; there is ${there.join(', ') || `no ${kind} file in ${folder}/`}`,
    );
  }
  if (outside(fs.realpathSync(file))) throw new Error(`the path leaves ${folder}/`);
  return fs.readFileSync(file, 'utf8');
}

function includeCode(source, file, name, steps, option) {
  if (option !== undefined && option !== 'docstring') {
    throw new Error(`code takes the option docstring, not ${option}`);
  }
  const lines = definition(source, name, { docstring: option === 'docstring' });
  const last = Math.max(...(steps ?? '').split(/\D+/).map(Number));
  if (last > lines.length) {
    throw new Error(`the steps go to line ${last}, but ${name} has ${lines.length} lines as shown`);
  }
  const longest = Math.max(
    0,
    ...(lines.join('\n').match(/`+/g) ?? []).map((ticks) => ticks.length),
  );
  const fence = '`'.repeat(Math.max(3, longest + 1));
  const label = `<p class="source">${escapeText(file)}</p>`;
  return `${fence}python${steps === undefined ? '' : ` [${steps}]`}\n${lines.join('\n')}\n${fence}\n\n${label}`;
}

function readValue(source, key, format) {
  let document;
  try {
    document = JSON.parse(source);
  } catch (error) {
    throw new Error(`that is not JSON: ${error.message}`);
  }
  const value = lookUp(document, key);
  return format === 'curve' ? curve(value) : escapeText(show(value, format ?? 'text'));
}

/** Fill in one directive; `alone` tells whether it has its line to itself. */
function fill(root, inner, alone) {
  const parts = DIRECTIVE.exec(inner.trim());
  if (parts === null) {
    throw new Error(
      'that cannot be read; write {{ code/FILE.py: Name [1-3|4] }} or {{ static/FILE.json: key | format }}',
    );
  }
  const [, file, name, steps, option] = parts;
  const isCode = file.startsWith('code/');
  if (!alone && (isCode || option === 'curve'))
    throw new Error('code and curves need a line of their own');
  if (!isCode && steps !== undefined) throw new Error('only code has steps');
  const source = read(root, file);
  return isCode ? includeCode(source, file, name, steps, option) : readValue(source, name, option);
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
 * @param {string} context.staticBase where pages find what lies in static/
 * @returns {{markdown: string, slides: string[], problems: {file: string, line: number,
 *   directive: string, message: string}[]}} what to show, its slides one by one, what went wrong
 */
export function expand(
  markdown,
  { root, file, firstLine, separator, verticalSeparator, staticBase },
) {
  const problems = [];
  let line = firstLine;

  function attempt(directive, job) {
    try {
      return job();
    } catch (error) {
      problems.push({ file, line, directive, message: error.message.split('\n')[0] });
      return '';
    }
  }

  function expandLine(text) {
    const filled = text.replace(CODE_SPAN_OR_DIRECTIVE, (match, ticks, inner) =>
      inner === undefined ? match : attempt(match, () => fill(root, inner, text.trim() === match)),
    );
    // What `replace` has dealt with is gone from this, so a brace that is left was never closed.
    if (text.replace(CODE_SPAN_OR_DIRECTIVE, '').includes('{{')) {
      attempt(text.trim(), () => {
        throw new Error('{{ has no }} on its line');
      });
    }
    return filled;
  }

  function linkStatic(text) {
    return text.replace(STATIC_FILE, (match, before, name) => {
      attempt(name, () => {
        if (!fs.existsSync(path.join(root, decodeURIComponent(name))))
          throw new Error('there is no such file');
      });
      return before + staticBase + name.slice('static'.length);
    });
  }

  function expandSlide(text) {
    const before = problems.length;
    let fence = '';
    let notes = 0;
    const lines = text.split('\n').map((raw, n, all) => {
      const mark = FENCE.exec(raw)?.[1] ?? '';
      let shown = raw;
      if (fence !== '') {
        if (mark.startsWith(fence) && raw.trim() === mark) fence = '';
      } else if (mark !== '') {
        fence = mark;
      } else {
        if (/^\s*notes?:/i.test(raw)) notes += 1;
        if (notes > 1) {
          attempt(raw.trim(), () => {
            throw new Error('a second Note: in one slide would show both to the audience');
          });
          notes = 1;
        }
        shown = linkStatic(expandLine(raw));
      }
      if (n < all.length - 1) line += 1;
      return shown;
    });
    if (problems.length > before) return errorSlide(problems.slice(before));
    // Blank lines at the start make reveal.js take the slide's own indentation for the page's.
    return `\n${lines.join('\n').replace(/^(?:[ \t]*\n)+/, '')}`;
  }

  const whole = markdown.replaceAll('\r\n', '\n');
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
  return { markdown: filled + slides.at(-1), slides, problems };
}

/** Write a slide that tells the author what is wrong, where, and what there is. */
export function errorSlide(problems) {
  const items = problems.map(
    ({ file, line, directive, message }) =>
      `<li><code>${escapeText(directive)}</code><br>${escapeText(message)}<br><small>${escapeText(`${file}, line ${line}`)}</small></li>`,
  );
  return [
    '\n<!-- .slide: class="mistake" -->',
    '### This slide cannot be shown',
    '',
    `<ul>${items.join('\n')}</ul>`,
    '',
    'The page reloads when you have mended it.\n',
  ].join('\n');
}
