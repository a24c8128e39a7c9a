// Finds the definition of a class or function in Python source, by name.

import { load } from '../project.mjs';

const { parser } = await load('@lezer/python');

const DEFINITION = /^(?:Class|Function)Definition$/;
// How many sources are remembered: a deck shows parts of the same few, and its page is made again and
// again.
const MOST = 100;
/** @type {Map<string, {source: string, known: {name: string, first: number, last: number, docstring?: {first: number, last: number}}[]}>} */
const read = new Map();

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

/** How wide code on a slide may be, so that it can be set large. */
const WIDTH = 64;

/** Write the signature of a function without its types: in one line, or filled up as prose is. */
function signature(source, node) {
  const text = ({ from, to }) => source.slice(from, to);
  const parameters = [''];
  for (let part = node.getChild('ParamList').firstChild; part; part = part.nextSibling) {
    if (part.name === ',') parameters.push('');
    else if (!/^(?:TypeDef|Comment|[()])$/.test(part.name)) {
      parameters[parameters.length - 1] += text(part);
    }
  }
  const given = parameters.filter(Boolean); // there may be a comma behind the last one
  const head = source.slice(node.from, node.getChild('VariableName').to);
  const indent = source.slice(source.lastIndexOf('\n', node.from) + 1).match(/^ */)[0];
  const whole = `${head}(${given.join(', ')})`;
  if (indent.length + whole.length < WIDTH) return whole;
  const rows = [''];
  for (const parameter of given) {
    const longer = `${rows.at(-1)} ${parameter},`.trimStart();
    if (indent.length + 4 + longer.length <= WIDTH) rows[rows.length - 1] = longer;
    else rows.push(`${parameter},`);
  }
  return `${head}(\n${rows.map((row) => `${indent}    ${row}\n`).join('')}${indent})`;
}

/** Take the types out of Python source: who reads it on a slide has no time for them. */
export function withoutTypes(source) {
  const edits = [];
  parser.parse(source).iterate({
    enter({ name, node }) {
      if (name === 'FunctionDefinition') {
        const { from } = node.getChild('Body');
        edits.push({ from: node.from, to: from, text: signature(source, node) });
      } else if (name === 'AssignStatement' && node.getChild('AssignOp')) {
        const type = node.getChild('TypeDef');
        if (type) edits.push({ from: type.from, to: type.to, text: '' });
      }
    },
  });
  return edits.reduceRight(
    (rest, { from, to, text }) => rest.slice(0, from) + text + rest.slice(to),
    source,
  );
}

/** Read a module, as it is or without its types. */
function readSource(given, untyped) {
  const key = `${untyped} ${given}`;
  const before = read.get(key);
  if (before) return before;
  const lines = given.replaceAll('\r\n', '\n');
  const source = untyped ? withoutTypes(lines) : lines;
  const one = { source, known: definitions(source) };
  if (read.size === MOST) read.clear();
  read.set(key, one);
  return one;
}

/**
 * Return the lines of a definition, dedented.
 *
 * @param {string} given Python source
 * @param {string} name `Class`, `function`, `Class.method` or `function.inner`
 * @param {{docstring: boolean, untyped?: boolean}} options whether to keep the docstring, and to take
 *   out the types
 * @returns {string[]} the lines
 * @throws {Error} with what there is, when the name is unknown or defined twice
 */
export function definition(given, name, { docstring, untyped = false }) {
  const { source, known } = readSource(given, untyped);
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
