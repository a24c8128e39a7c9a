// Sets equations: TeX between dollars becomes MathML, which browsers draw, print and read aloud
// without a script or a font.
//
//   $e^{x_i}$                     in a line
//   $$\sum_j e^{x_j}$$            in the middle, larger
//
// As in pandoc, a dollar opens an equation where no blank follows it, and closes one where no blank
// stands before it and no digit behind it: "$5 and $10" are prices. \$ is a dollar anywhere.

import { load } from '../project.mjs';
import { anyOf, NO_WORDS } from './links.mjs';

const { default: katex } = await load('katex');

// Stands for a line's end that an equation had, so that those who count lines still can.
export const LINE_WAS = '\v';

const EQUATIONS = anyOf([
  /<(?<element>pre|code|script|style|svg|math)\b[^]*?<\/\k<element>>/,
  ...NO_WORDS,
  /!\[[^\]]*\]/, // the words for a picture
  /\{\{.*?\}\}/, // a directive
  /\$\$(?<display>(?:\\[^]|(?!^\s*notes?:)[^\\$]|\$(?!\$))+)\$\$/,
  /(?<!\$)(?<open>\$\$)(?!\$)/,
  // In a line, and on the next, unless something else begins there.
  /(?<before>\(*)(?<![\w$])\$(?![\s$])(?<inline>(?:\\[^]|[^\\$\n]|\n(?!\s*(?:\n|[-+*]\s|[#>|]|\d+[.)]\s|notes?:)))+)(?<!\s)\$(?![\d$])(?<behind>(?:-?[a-z]{1,2}\b)?[.,;:!?)]*)/,
  /\\[^]/,
]);

// Browsers draw no other alphabet than the usual ones because an attribute says so; Unicode has them.
// The first Latin, Greek and digit of each:
const ALPHABETS = {
  bold: [0x1d400, 0x1d6a8, 0x1d7ce],
  italic: [0x1d434, 0x1d6e2],
  'bold-italic': [0x1d468, 0x1d71c],
  script: [0x1d49c],
  fraktur: [0x1d504],
  'bold-fraktur': [0x1d56c],
  'double-struck': [0x1d538, undefined, 0x1d7d8],
  'sans-serif': [0x1d5a0, undefined, 0x1d7e2],
  'bold-sans-serif': [0x1d5d4, undefined, 0x1d7ec],
  'sans-serif-italic': [0x1d608],
  'sans-serif-bold-italic': [0x1d63c],
  monospace: [0x1d670, undefined, 0x1d7f6],
};
// These letters were there before, in another place.
const ELSEWHERE = {
  italic: { h: 'ℎ' },
  script: {
    B: 'ℬ',
    E: 'ℰ',
    F: 'ℱ',
    H: 'ℋ',
    I: 'ℐ',
    L: 'ℒ',
    M: 'ℳ',
    R: 'ℛ',
    e: 'ℯ',
    g: 'ℊ',
    o: 'ℴ',
  },
  fraktur: { C: 'ℭ', H: 'ℌ', I: 'ℑ', R: 'ℜ', Z: 'ℨ' },
  'double-struck': { C: 'ℂ', H: 'ℍ', N: 'ℕ', P: 'ℙ', Q: 'ℚ', R: 'ℝ', Z: 'ℤ' },
};
const from = (first, count) =>
  Array.from({ length: count }, (_, n) => String.fromCharCode(first.charCodeAt(0) + n)).join('');
const USUAL = [from('A', 26) + from('a', 26), `${from('Α', 25)}∇${from('α', 25)}`, from('0', 10)];

/** A character in another alphabet, or itself where that has none. */
function inAlphabet(name, character) {
  const known = ELSEWHERE[name]?.[character];
  if (known !== undefined) return known;
  const kind = USUAL.findIndex((characters) => characters.includes(character));
  const start = ALPHABETS[name]?.[kind];
  return start ? String.fromCodePoint(start + USUAL[kind].indexOf(character)) : character;
}

// What KaTeX writes and browsers leave out, and what to do about it.
/** @type {[RegExp, string][]} */
const NOT_DRAWN = [
  [/<mspace linebreak/, '\\\\ ends no line here: write \\begin{aligned} … \\end{aligned}'],
  [/<menclose/, 'not every browser draws a box or a stroke'],
];

/** TeX that stood in HTML. */
const plain = (text) =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/**
 * Set an equation.
 *
 * @param {string} tex
 * @param {boolean} isDisplay whether it stands alone
 * @returns {string} an element on one line, which Markdown leaves as it is
 * @throws {Error} when KaTeX cannot read it, or nobody could see it; `below` is the line of `tex`
 */
export function equation(tex, isDisplay) {
  let set;
  try {
    set = katex.renderToString(tex, {
      displayMode: isDisplay,
      output: 'mathml',
      strict: (code) => {
        if (code === 'commentAtEnd') throw new Error('% begins a comment: write \\%');
        return 'ignore';
      },
      trust: ({ command }) => {
        throw new Error(`an equation may not use ${command}`);
      },
    });
  } catch (error) {
    const below = tex.slice(0, error.position ?? 0).split('\n').length - 1;
    throw Object.assign(new Error(error.rawMessage ?? error.message), { below });
  }
  const drawn = set.slice(set.indexOf('<semantics>') + 11, set.lastIndexOf('<annotation'));
  const fault = NOT_DRAWN.find(([mark]) => mark.test(drawn));
  if (fault) throw new Error(fault[1]);
  return (
    `<math${isDisplay ? ' display="block"' : ''}>${drawn}</math>`
      // A word is read aloud as one.
      .replace(/(?:<mi mathvariant="normal">[A-Za-z]<\/mi>){2,}/g, (letters) => {
        return `<mi>${letters.replace(/<[^>]*>/g, '')}</mi>`;
      })
      // KaTeX leaves out the room between a function and what is no parenthesis.
      .replace(/<mo>\u2061<\/mo>(?!<\/|<mo)/g, '<mo rspace="0.1667em">\u2061</mo>')
      .replace(/ mathvariant="(?!normal)([\w-]+)">([^<]*)/g, (_, name, text) => {
        // An escaped character stays what it is.
        const letters = text.match(/&[^;]*;|./gsu) ?? [];
        return `>${letters.map((one) => (one[1] ? one : inAlphabet(name, one))).join('')}`;
      })
      .replace(/[\n\v]/g, ' ')
      .replace(/(?<=>[^<]*)[*_`[\]|\\~{}$](?=[^<]*<)/g, (one) => `&#${one.charCodeAt(0)};`)
  );
}

/**
 * Replace each equation in a text, but none in its code, attributes and addresses.
 *
 * @param {string} text of a slide as it is written, or of a page
 * @param {(written: string, offset: number, set: () => string) => string} replace gets an equation
 *   with its dollars, its place in `text`, and what returns its MathML or throws an Error
 * @returns {string} the text with what `replace` returned; behind it a `LINE_WAS` for each line's end
 */
export function replaceEquations(text, replace) {
  return text.replace(EQUATIONS, (match, ...rest) => {
    const [offset, , { display, inline, open, before = '', behind = '' }] = rest.slice(-3);
    const tex = plain(display ?? inline ?? open ?? '');
    if (tex === '') return match;
    const written = plain(match.slice(before.length, match.length - behind.length));
    const shown = replace(written, offset + before.length, () => {
      if (open) throw new Error('the second $$ is missing; write \\$\\$ for two dollars');
      if (/\{\{\s*(?:code|static)\//.test(tex))
        throw new Error('no directive stands in an equation');
      return equation(tex, display !== undefined);
    });
    const ends = LINE_WAS.repeat(match.split('\n').length - 1);
    // A line may end beside an equation as beside a picture, and the next begin with a comma.
    return before || behind
      ? `<span style="white-space: nowrap">${before}${shown}${behind}</span>${ends}`
      : shown + ends;
  });
}
