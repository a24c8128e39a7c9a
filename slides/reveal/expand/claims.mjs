// Holds what a deck says in words against facts and records:
//
//   {{ claim: results.resnet.macs > 2 * results.lenet.macs }}
//
// A value is a path from static/, with dots: `static/results/resnet.json: recipe.lr` is
// results.resnet.recipe.lr here. A `*` ends a name in any way, and the path then stands for several
// values, of which functions make one. All else is written as in Python, whose parser reads it.

import fs from 'node:fs';
import path from 'node:path';

import { listFiles, load } from '../project.mjs';
import { brief, lookUp, lookUpAll, number } from './values.mjs';

const { parser } = await load('@lezer/python');

const FORM = 'write {{ claim: results.resnet.macs > 2 * results.lenet.macs }}';
// A star is of a path where no multiplication can follow.
const PATH = /\b[A-Za-z_]\w*(?:\.(?:\w+(?:\*(?=\.|\s*[,)]))?|\*))+/g;
// The parser takes a path for one name; its places in the text stay as they are.
const asName = (found) => found.replace(/[.*]/g, '_');

const NUMERIC = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};
const COMPARISONS = {
  '<': (a, b) => one(a) < one(b),
  '<=': (a, b) => one(a) <= one(b),
  '>': (a, b) => one(a) > one(b),
  '>=': (a, b) => one(a) >= one(b),
  '==': (a, b) => single(a) === single(b),
  '!=': (a, b) => single(a) !== single(b),
};
const LOGIC = { and: (a, b) => a && b, or: (a, b) => a || b };
const FUNCTIONS = {
  abs: (x) => Math.abs(one(x)),
  round: (x, digits = 0) => Math.round(one(x) * 10 ** one(digits)) / 10 ** digits,
  min: (...all) => Math.min(...numbers(all)),
  max: (...all) => Math.max(...numbers(all)),
  sum: (...all) => numbers(all).reduce((a, b) => a + b),
  len: (whole) => {
    if (whole === null || typeof whole !== 'object') throw new Error('len is of several values');
    return Object.keys(whole).length;
  },
};

/** A value that is no list and no object; a list of one, as a `*` gives it, stands for what it holds. */
function single(value) {
  if (Array.isArray(value) && value.length === 1) return single(value[0]);
  if (value === null || typeof value === 'object') {
    throw new Error(`${say(value)}: not a single value; of several take min, max, sum or len`);
  }
  return value;
}

const one = (value) => number(single(value));

function numbers(values) {
  const all = values.flat(Infinity).map(one);
  if (all.length === 0) throw new Error('there is no number to take');
  return all;
}

function reckon(a, operator, b) {
  const result = NUMERIC[operator](one(a), one(b));
  if (!Number.isFinite(result)) throw new Error(`${say(a)} ${operator} ${say(b)} is no number`);
  return result;
}

function truth(value) {
  if (typeof value !== 'boolean') throw new Error(`this compares nothing; ${FORM}`);
  return value;
}

/** Write a value for a message. */
function say(value) {
  if (Array.isArray(value)) return brief(value.map(say).join(', '));
  if (typeof value === 'number') {
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  }
  return brief(JSON.stringify(value));
}

/** The value of a path from static/, or several; `read` gives the JSON of a file by its name. */
function valueOf(root, read, found) {
  const [first, ...rest] = found.split('.');
  const folder = path.join(root, 'static', first);
  if (!fs.existsSync(folder)) return valueIn(read, `static/${first}.json`, rest);
  const [name, ...keys] = rest;
  const files = name.endsWith('*')
    ? listFiles(folder, { ending: '.json' }).filter((file) => file.startsWith(name.slice(0, -1)))
    : [];
  if (files.length === 0) return valueIn(read, `static/${first}/${name}.json`, keys);
  return files.flatMap((file) => valueIn(read, `static/${first}/${file}`, keys));
}

function valueIn(read, file, keys) {
  const key = keys.join('.');
  try {
    if (key === '') return read(file);
    return key.includes('*') ? lookUpAll(read(file), key) : lookUp(read(file), key);
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
}

function partsOf(node) {
  const parts = [];
  for (let part = node.firstChild; part !== null; part = part.nextSibling) parts.push(part);
  return parts;
}

/** Parse an expression; throw an Error that shows where it cannot be read. */
function parse(expression) {
  const tree = parser.parse(expression.replace(PATH, asName));
  let wrong;
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) wrong ??= from;
    },
  });
  const [statement, ...others] = partsOf(tree.topNode);
  wrong ??= others[0]?.from;
  if (wrong !== undefined || statement?.name !== 'ExpressionStatement') {
    const rest = expression.slice(wrong ?? 0).trim();
    throw new Error(`that cannot be read${rest && ` from "${brief(rest)}" on`}; ${FORM}`);
  }
  return statement.firstChild;
}

/**
 * Check a claim.
 *
 * @param {string} expression of which is claimed that it is so
 * @param {string} root the project's folder
 * @param {(name: string) => unknown} read returns what a JSON file holds, `static/facts.json`
 * @throws {Error} when it is not so, with the values that were found, or cannot be read
 */
export function checkClaim(expression, root, read) {
  const found = new Map();
  const failed = [];
  const textOf = ({ from, to }) => expression.slice(from, to);

  function compare(left, operator, right) {
    const isSo = COMPARISONS[operator](left, right);
    if (!isSo) failed.push(`${say(left)} ${operator} ${say(right)}`);
    return isSo;
  }

  const kinds = {
    Number: (node) => number(Number(textOf(node).replaceAll('_', ''))),
    ParenthesizedExpression: (node) => evaluate(partsOf(node)[1]),
    VariableName: (node) => {
      const written = textOf(node);
      if (!written.includes('.')) throw new Error(`there is no value ${written}; ${FORM}`);
      found.set(written, valueOf(root, read, written));
      return found.get(written);
    },
    UnaryExpression: (node) => {
      const [sign, operand] = partsOf(node);
      if (textOf(sign) !== '-') return refuse(sign);
      return -one(evaluate(operand));
    },
    BinaryExpression: (node) => {
      const [left, sign, right] = partsOf(node);
      const operator = textOf(sign);
      const [a, b] = [evaluate(left), evaluate(right)];
      if (Object.hasOwn(NUMERIC, operator)) return reckon(a, operator, b);
      if (Object.hasOwn(LOGIC, operator)) return LOGIC[operator](truth(a), truth(b));
      if (!Object.hasOwn(COMPARISONS, operator)) return refuse(sign);
      // Of 1 < x < 2 the first half is on the left.
      const isChain = left.getChild('CompareOp') !== null;
      return isChain
        ? compare(evaluate(left.lastChild), operator, b) && a
        : compare(a, operator, b);
    },
    CallExpression: (node) => {
      const [name, list] = partsOf(node);
      if (!Object.hasOwn(FUNCTIONS, textOf(name))) return refuse(name);
      const given = partsOf(list).filter((part) => !/^[(),]$/.test(part.name));
      return FUNCTIONS[textOf(name)](...given.map(evaluate));
    },
  };

  function evaluate(node) {
    return Object.hasOwn(kinds, node.name) ? kinds[node.name](node) : refuse(node);
  }

  function refuse(node) {
    const there = [NUMERIC, COMPARISONS, LOGIC, FUNCTIONS].flatMap(Object.keys).join(' ');
    throw new Error(`a claim knows no ${textOf(node)}; it knows ${there}`);
  }

  if (truth(evaluate(parse(expression)))) return;
  const values = [...found].map(([written, value]) => `${written} is ${say(value)}`);
  throw new Error(`${failed.join(', ') || expression} is false: ${values.join(', ')}`);
}
