// Finds a value in a JSON document by its dotted key, and writes it as an audience reads it. All pages
// and charts write by this, but for live slides, which write by the page's own script (words.js).

const nbsp = '\u00a0';
/** @type {[string, number][]} */
const UNITS = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
];
/** @type {[string, number][]} */
const TIMES = [
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** What a value holds; an item of a list goes by its number, and by its `name` if it has one. */
function partsOf(value) {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).map(([key, part]) => ({
    names: Array.isArray(value) && typeof part?.name === 'string' ? [key, part.name] : [key],
    part,
  }));
}

/**
 * Return every value under a dotted key, in which `*` stands for any end of a name.
 *
 * @param {unknown} document parsed JSON
 * @param {string} key such as `runs.*.seconds` or `stages.fc*.macs`
 * @returns {any[]}
 * @throws {Error} with the keys there are, when one is missing
 */
export function lookUpAll(document, key) {
  const passed = [];
  return key.split('.').reduce(
    (values, wanted) => {
      const found = values.flatMap((value) => {
        const parts = partsOf(value);
        const suits = (name) =>
          wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
        const matches = parts.filter(({ names }) => names.some(suits));
        if (matches.length > 0) return matches.map(({ part }) => part);
        const keys = parts.map(({ names }) => names.at(-1));
        const there =
          keys.length > 20 ? `${keys.slice(0, 20).join(', ')} …` : keys.join(', ') || 'nothing';
        const under = passed.length > 0 ? ` under ${passed.join('.')}` : '';
        throw new Error(`there is no key ${wanted}${under}; there is ${there}`);
      });
      passed.push(wanted);
      return found;
    },
    [document],
  );
}

/**
 * Return the value under a dotted key, such as `runs.0.seconds` or `stages.fc6.macs`.
 *
 * @param {unknown} document parsed JSON
 * @param {string} key
 * @returns {any}
 * @throws {Error} with the keys there are, when one is missing
 */
export function lookUp(document, key) {
  const values = lookUpAll(document, key);
  if (values.length > 1) throw new Error(`that stands for ${values.length} values`);
  return values[0];
}

/** Cut a text for a message. */
export const brief = (text) => (text.length > 60 ? `${text.slice(0, 60)} …` : text);

/** Return a value that must be a number. */
export function number(value) {
  if (value === undefined) throw new Error('there is no number');
  if (!Number.isFinite(value)) throw new Error(`${brief(JSON.stringify(value))} is not a number`);
  return value;
}

/** Write a number; a mean over several runs carries its spread. @param {(n: any) => string} written */
function spread(value, written) {
  if (value === null || typeof value !== 'object') return written(value);
  const beside = number(value.n) > 1 ? `${nbsp}±${nbsp}${written(value.std)}` : '';
  return `${written(value.mean)}${beside}`;
}

const FORMATS = {
  text: (value) => {
    if (value === null || typeof value === 'object') throw new Error('that is not a single value');
    return String(value);
  },
  integer: (value) => Math.round(number(value)).toLocaleString('en-US'),
  decimals: (value, digits = '2') => spread(value, (each) => number(each).toFixed(Number(digits))),
  millions: (value) => {
    const millions = number(value) / 1e6;
    const written =
      millions < 100
        ? millions.toFixed(millions < 10 ? 2 : 1)
        : Math.round(millions).toLocaleString('en-US');
    return `${written}${nbsp}M`;
  },
  // A count, for where there is little room: 10 k, 1 M.
  short: (value) => {
    const [unit, size] = UNITS.find(([, least]) => number(value) >= least) ?? ['', 1];
    return `${value / size}${unit && nbsp + unit}`;
  },
  // A fraction of one.
  percent: (value, digits = '1') =>
    `${spread(value, (share) => (100 * number(share)).toFixed(Number(digits)))}%`,
  // Seconds, to two units.
  duration: (value) => {
    // From an hour on to the minute.
    const grain = number(value) < 3599.5 ? 1 : 60;
    let rest = Math.round(value / grain) * grain;
    if (rest < 0) throw new Error(`${value} is less than no time`);
    const parts = [];
    for (const [unit, size] of TIMES) {
      if (rest >= size || (unit === 's' && parts.length === 0))
        parts.push(`${Math.floor(rest / size)}${nbsp}${unit}`);
      rest %= size;
    }
    return parts.slice(0, 2).join(' ');
  },
};

/**
 * Write a value for the audience.
 *
 * @param {unknown} value from JSON
 * @param {string} format name of a format and its argument, such as `decimals 3`
 * @param {string[]} [drawings] what else may stand there, for the message
 * @throws {Error} when the format is unknown or does not suit the value
 */
export function show(value, format, drawings = []) {
  const [name, ...rest] = format.split(/\s+/);
  if (!Object.hasOwn(FORMATS, name)) {
    const there = [...Object.keys(FORMATS), ...drawings].join(', ');
    throw new Error(`there is no format ${name}; there is ${there}`);
  }
  return FORMATS[name](value, ...rest);
}
