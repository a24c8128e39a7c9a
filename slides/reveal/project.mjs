// What every command of the deck starts from: where the project lies, how its files are read, and how
// a command refuses.

// As a whole: an old Node has no `isUtf8`, and would fail on the import of it alone before `npm start`
// can say that it is too old.
import buffer from 'node:buffer';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Bad input: its message is for the user as it is. */
export class Refusal extends Error {}

/** Whether the project has this file or folder. */
export const isThere = (...parts) => fs.existsSync(path.join(root, ...parts));
/** The text of a file of the project. */
export const readText = (...parts) => fs.readFileSync(path.join(root, ...parts), 'utf8');

/**
 * Whether a folder has this file, as itself or by a link that stays inside: no hidden one, which an
 * editor or macOS left, no folder, no link that leads nowhere.
 */
export function isPlainFile(folder, name) {
  if (name.split(/[\\/]/).some((part) => part.startsWith('.'))) return false;
  try {
    const real = fs.realpathSync(path.join(folder, name));
    return real.startsWith(fs.realpathSync(folder) + path.sep) && fs.statSync(real).isFile();
  } catch {
    return false; // not there, no permission, a loop of links
  }
}

/**
 * The plain files of a folder, sorted: nobody else lists one.
 *
 * @param {string} folder may be missing
 * @param {{ending?: string, recursive?: boolean}} options
 * @returns {string[]} names, with slashes where they lie further down
 */
export function listFiles(folder, { ending = '', recursive = false } = {}) {
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return fs
    .readdirSync(folder, { encoding: 'utf8', recursive })
    .filter((name) => name.endsWith(ending) && isPlainFile(folder, name))
    .map((name) => name.split(path.sep).join('/'))
    .sort();
}

/** Whether a file of static/ stays on this machine: images whose license nobody knows. */
export const isKept = (file) => file.startsWith('static/samples/test/');

/** The decks, slides/NAME.md, by their names; in folders, too. */
export function listDecks(from = root) {
  return listFiles(path.join(from, 'slides'), { ending: '.md', recursive: true })
    .filter((name) => !/^reveal\/|(?:^|\/)node_modules\//.test(name))
    .map((name) => name.slice(0, -'.md'.length));
}

/** An empty folder for what a command makes on its way: gone when the command ends or is ended. */
export function temporaryFolder() {
  const folder = path.resolve(fs.mkdtempSync(path.join(os.tmpdir(), 'slides-')));
  process.on('exit', () => {
    try {
      fs.rmSync(folder, { recursive: true, force: true });
    } catch {
      // On a disk that cannot be written any more, it stays.
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => process.exit(128 + os.constants.signals[signal]));
  }
  return folder;
}

/** The way from the page of a deck up to the site's folder: `.`, or `./..` for one in a folder. */
export const wayUp = (name) => ['.', ...name.split('/').fill('..').slice(1)].join('/');

/** The name of a deck's PDF without its ending: they all lie in one folder. */
export const printedName = (name) => name.replaceAll('/', '-');

/**
 * The text of a deck, with the line ends of Unix.
 *
 * @throws {Refusal} when it is not UTF-8
 */
export function readDeck(name) {
  const file = `slides/${name}.md`;
  const bytes = fs.readFileSync(path.join(root, file));
  // What is wrong becomes this character, which nobody types.
  const decoded = new TextDecoder().decode(bytes).replaceAll('\r\n', '\n');
  // Its readers take no blanks behind the first line.
  const text = decoded.replace(/^---[ \t]+\n/, '---\n');
  const wrong = buffer.isUtf8(bytes) ? -1 : text.indexOf('\uFFFD');
  if (wrong < 0) return text;
  const line = text.slice(0, wrong).split('\n').length;
  throw new Refusal(`${file}:${line}: this deck is not UTF-8: save it in this encoding`);
}

// What reveal-md and our page take for a text without looking.
const SETTINGS =
  'theme highlightTheme css scripts separator verticalSeparator lang dir footer'.split(' ');
const LONGEST_FOOTER = 80;

/** Whether a value is an object as JSON has them. */
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * Tell where a value of JSON is not as it should be; undefined when it is.
 *
 * @param {any} value
 * @param {any} shape 'text' or 'number'; a list with the shape of its one or more items, or
 *   an empty list for any; an object with the shape of each key, with a question mark behind one that
 *   may be missing, and '*' for all keys
 * @param {string} where its key, for the message
 */
export function misfit(value, shape, where = '') {
  const said = where || 'it';
  if (value === undefined) return `${said} is missing`;
  if (typeof shape === 'string') {
    return typeof value === (shape === 'text' ? 'string' : shape)
      ? undefined
      : `${said} is not a ${shape}`;
  }
  const isList = Array.isArray(shape);
  if (isList ? !Array.isArray(value) : !isObject(value)) {
    return `${said} is not ${isList ? 'a list' : 'a set of names and values'}`;
  }
  const parts = isList
    ? (value.length > 0 ? value : shape).flatMap((_, n) => shape.map((inner) => [n, inner]))
    : Object.entries(shape).flatMap(([key, inner]) => {
        if (key === '*') return Object.keys(value).map((name) => [name, inner]);
        const name = key.replace('?', '');
        return name !== key && value[name] === undefined ? [] : [[name, inner]];
      });
  return parts
    .map(([key, inner]) => misfit(value[key], inner, where ? `${where}.${key}` : String(key)))
    .find(Boolean);
}

/**
 * What a JSON file of the project holds: an object, of a shape as `misfit` takes them.
 *
 * @returns {any}
 * @throws {Refusal} when it is not there, no JSON, or of another shape
 */
export function readJson(name, shape = {}) {
  if (!isThere(name)) throw new Refusal(`${name}: there is no such file`);
  const value = parseJson(name);
  const mistake = misfit(value, shape);
  if (mistake !== undefined) throw new Refusal(`${name}: ${mistake}`);
  return value;
}

function parseJson(name) {
  try {
    return JSON.parse(readText(name));
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw new Refusal(`${name} cannot be read: ${reasonOf(error)}`);
    }
    // Node often tells how many characters stand before the mistake, and from version 22 its line.
    const [said] = error.message.split('\n');
    const before = / at position (\d+)/.exec(said)?.[1];
    const line =
      before === undefined ? '' : `:${readText(name).slice(0, Number(before)).split('\n').length}`;
    throw new Refusal(
      `${name}${line}: that is not JSON: ${said.replace(/(, ".*| at position .*)/, '')}`,
    );
  }
}

/**
 * Where the site will be: SITE_URL, or `homepage` of package.json; undefined where neither is set.
 *
 * @param {string|undefined} homepage of package.json
 * @returns {string|undefined} an address that ends with a slash
 * @throws {Refusal} when it is no address
 */
export function siteAddress(homepage) {
  const [name, given] = process.env.SITE_URL
    ? ['SITE_URL', process.env.SITE_URL]
    : ['package.json: homepage', homepage];
  if (!given) return undefined;
  if (!/^https?:\/\/[^/\s"<>]+[^\s"<>]*$/.test(given)) {
    throw new Refusal(`${name} ${given} is not an address: write https://OWNER.github.io/NAME`);
  }
  return given.replace(/\/*$/, '/');
}

/**
 * Tell what is wrong in a deck's front matter, from js-yaml's error.
 *
 * @param {{mark?: {line: number, buffer: string}, reason?: string, message: string}} error a
 *   YAMLException, of the text between the two lines `---`
 * @returns {{line: number|undefined, message: string}} the line of the deck, and a sentence
 */
export function frontMatterMistake({ mark, reason, message }) {
  if (!mark) return { line: undefined, message: (reason ?? message).split('\n')[0] };
  // The first line of the file is not in the buffer, but the second half of its CRLF may be.
  const line = mark.line + (mark.buffer.startsWith('\n') ? 1 : 2);
  const text = mark.buffer.split('\n')[mark.line] ?? '';
  // What most often goes wrong is a title with a colon, of which YAML says nothing helpful.
  const isTitle = /^\s*[\w-]+:\s+[^\s"'[{|>].*:(?:\s|$)/.test(text);
  return {
    line,
    message: isTitle ? 'a text with a colon in it must be in quotes' : (reason ?? message),
  };
}

/** What is wrong with the settings of our page alone. */
function pageMistake({ title, dir, footer, revealOptions }) {
  if (typeof (title ?? '') === 'object') return 'title is not a text';
  if (!isObject(revealOptions ?? {})) return 'revealOptions is not a set of names and values';
  if (!['ltr', 'rtl', undefined].includes(dir)) return 'dir is neither ltr nor rtl';
  if (footer?.length > LONGEST_FOOTER)
    return `footer has more than ${LONGEST_FOOTER} characters, for which a slide has no room`;
  return undefined;
}

/** What is wrong with the settings in a deck's front matter; undefined when nothing is. */
function settingMistake(front) {
  // reveal-md would run any script of this machine as its preprocessor, and show any file as its
  // template, for whoever opens a stranger's deck.
  const forAll = ['preprocessor', 'template'].find((key) => front?.[key] !== undefined);
  if (forAll) return `${forAll} is no setting of a deck: reveal-md.json has it for all`;
  /** @type {Record<string, string|string[]>} */
  const kinds = Object.fromEntries(SETTINGS.map((key) => [`${key}?`, 'text']));
  for (const key of ['css', 'scripts']) {
    if (Array.isArray(front?.[key]) && front[key].length > 0) kinds[`${key}?`] = ['text'];
  }
  if (front?.footer === true) delete kinds['footer?']; // that of the course
  const shape = { ...kinds, 'bibliography?': { '*': 'text' } };
  const mistake = misfit(front, shape) ?? pageMistake(front);
  if (mistake) return mistake;
  return ['separator', 'verticalSeparator']
    .filter((key) => front[key] !== undefined)
    .map((key) => separatorMistake(key, front[key]))
    .find(Boolean);
}

function separatorMistake(key, text) {
  try {
    return new RegExp(text, 'm').test('') ? `${key} matches where nothing stands` : undefined;
  } catch {
    return `${key} is no regular expression`;
  }
}

/**
 * Read the front matter of a deck.
 *
 * @param {{safeLoadFront: Function}} yaml the package yaml-front-matter
 * @param {string} text the deck
 * @returns {object} what it sets, and as `__content` the rest of the deck
 * @throws {Refusal} when a setting is not as it must be; a YAMLException when that is no YAML
 */
export function readFront({ safeLoadFront }, text) {
  let front;
  try {
    front = safeLoadFront(text);
  } catch (error) {
    if (error.name === 'YAMLException') throw error;
    front = ''; // nothing but a text, to which no content can be added
  }
  if (/^---\n/.test(text) && front.__content === text)
    throw new Refusal('front matter: it has no end: write a line --- below it');
  const mistake = settingMistake(front);
  if (mistake) throw new Refusal(`front matter: ${mistake}`);
  return front;
}

/** Load a package, or a script of the pages; when that fails, end with one line that says why. */
export async function load(name) {
  try {
    readJson('package.json', { type: 'text' }); // as Node does first, and in many lines
    return await import(name);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      console.error(`${name} is not installed: run npm ci`);
    else if (error instanceof Refusal) console.error(error.message);
    else throw error;
    process.exit(2);
  }
}

/** Why the system refused: of "EROFS: read-only file system, open '/home/…'" what is for people. */
const reasonOf = ({ message }) => /^\w+: (.+?), /.exec(message)?.[1] ?? message;

/** What went wrong, in one line; a Refusal has one for each mistake. */
function tell(error) {
  if (error instanceof Refusal) return error.message;
  const [said] = String(error?.message ?? error).split('\n');
  const short = said.replaceAll(root + path.sep, '');
  if (error?.syscall !== undefined && error.path !== undefined) {
    const file = path.resolve(error.dest ?? error.path).replace(root + path.sep, '');
    return `${file} cannot be read or written: ${reasonOf(error)}`;
  }
  // A fault of ours: who mends it asks for the place.
  const place = /\b(?:slides|static)[\\/][\w\\/-]+\.m?js:\d+/.exec(error?.stack)?.[0];
  return place === undefined ? short : `${short} (${place})`;
}

/** Run a command's `job`; whatever it throws becomes a line on stderr and exit code 2. */
export async function command(job) {
  try {
    await job();
  } catch (error) {
    console.error(tell(error));
    process.exitCode = 2;
  }
}

/** Throw a Refusal unless a command was given nothing but the options that it knows. */
export function takeOptions(call, ...known) {
  return checkOptions(process.argv.slice(2), call, known);
}

/**
 * The options of a command, and the decks that it names, each as NAME or slides/NAME.md: all decks
 * where it names none. Throws a Refusal: an option that it does not know, or a deck that is not there.
 */
export function takeDecks(call, ...known) {
  const given = process.argv.slice(2);
  const isOption = (word) => word.startsWith('-');
  const options = checkOptions(given.filter(isOption), call, known, ['NAME']);
  const there = listDecks();
  if (there.length === 0) throw new Refusal('there is no deck: slides/ has no .md file');
  const wanted = given
    .filter((word) => !isOption(word))
    .map((word) => word.replace(/^slides\/|\.md$/g, ''));
  const unknown = wanted.find((name) => !there.includes(name));
  if (unknown !== undefined) {
    throw new Refusal(`there is no deck slides/${unknown}.md; there is ${there.join(', ')}`);
  }
  return { options, names: wanted.length > 0 ? wanted : there };
}

function checkOptions(given, call, known, others = []) {
  const unknown = given.find((argument) => !known.includes(argument));
  if (unknown === undefined) return given;
  const all = [...known, ...others];
  const options = all.length > 0 ? ` -- [${all.join('] [')}]` : '';
  throw new Refusal(`${call} knows no ${unknown}: write ${call}${options}`);
}
