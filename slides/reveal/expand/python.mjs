// Finds the definition of a class or function in Python source, by name.

import { load } from '../project.mjs';

const { parser } = await load('@lezer/python');

const DEFINITION = /^(?:Class|Function)Definition$/;
// The slides of a lesson follow one another, so that the last source is often asked for again.
/** @type {{source: string, known: {name: string, first: number, last: number, docstring?: {first: number, last: number}}[]}} */
let latest = { source: '', known: [] };

/** Return the syntax node of a docstring, unless it is all that the body holds. */
function docstringIn(body) {
  const [first, second] = body.getChildren('Statement');
  const value = first?.name === 'ExpressionStatement' ? first.firstChild : undefined;
  return second && /^(?:Continued)?String$/.test(value?.name) ? value : undefined;
}

/**
 * List the classes and functions of a module, and those inside of them.
 *
 * @param {string} source Python source with `\n` line ends
 * @returns {{name: string, first: number, last: number, docstring?: {first: number, last: number}}[]}
 *   dotted name, physical lines (from 0, decorators included), those of its docstring
 */
export function definitions(source) {
  const lines = source.split('\n');
  const span = ({ from, to }) => {
    const first = source.slice(0, from).split('\n').length - 1;
    return { first, last: first + source.slice(from, to).trimEnd().split('\n').length - 1 };
  };
  const found = [];
  const names = [];
  parser.parse(source).iterate({
    enter({ name, node }) {
      if (!DEFINITION.test(name)) return;
      const called = node.getChild('VariableName');
      names.push(called ? source.slice(called.from, called.to) : '');
      const whole = span(node.parent?.name === 'DecoratedStatement' ? node.parent : node);
      // A comment that closes the body belongs to it as far as it is indented like the body.
      const margin = lines[whole.first].search(/\S/);
      for (let n = whole.last + 1; n < lines.length; n += 1) {
        const text = lines[n].trim();
        if (text.startsWith('#') && lines[n].indexOf('#') > margin) whole.last = n;
        else if (text !== '') break;
      }
      const docstring = docstringIn(node.getChild('Body'));
      found.push({ name: names.join('.'), ...whole, docstring: docstring && span(docstring) });
    },
    leave({ name }) {
      if (DEFINITION.test(name)) names.pop();
    },
  });
  return found;
}

/**
 * Return the lines of a definition, dedented.
 *
 * @param {string} source Python source
 * @param {string} name `Class`, `function`, `Class.method` or `function.inner`
 * @param {{docstring: boolean}} options whether to keep the docstring
 * @returns {string[]} the lines
 * @throws {Error} with what there is, when the name is unknown or defined twice
 */
export function definition(source, name, { docstring }) {
  source = source.replaceAll('\r\n', '\n');
  if (source !== latest.source) latest = { source, known: definitions(source) };
  const { known } = latest;
  const matches = known.filter((candidate) => candidate.name === name);
  if (matches.length === 0) {
    const names = known.map((candidate) => candidate.name).join(', ') || 'no definition at all';
    throw new Error(`there is no ${name} in it; it has ${names}`);
  }
  if (matches.length > 1) {
    const where = matches.map((match) => match.first + 1).join(' and ');
    throw new Error(`${name} is defined more than once, on lines ${where}`);
  }
  const [found] = matches;
  const lines = source.split('\n').slice(found.first, found.last + 1);
  if (!docstring && found.docstring) {
    const { first, last } = found.docstring;
    // The blank line after a docstring goes with it.
    const following = lines[last + 1 - found.first].trim() === '' ? 1 : 0;
    lines.splice(first - found.first, last + 1 - first + following);
  }
  const margin = lines[0].slice(0, lines[0].search(/\S/));
  return lines.map((line) =>
    line.startsWith(margin) ? line.slice(margin.length) : line.trimStart(),
  );
}
