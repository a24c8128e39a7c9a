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

/**
 * Return the value under a dotted key; a number picks from a list.
 *
 * @param {unknown} document parsed JSON
 * @param {string} key such as `runs.0.seconds`
 * @returns {any}
 * @throws {Error} with the keys there are, when one is missing
 */
export function lookUp(document, key) {
  let value = document;
  const passed = [];
  for (const part of key.split('.')) {
    const keys = value !== null && typeof value === 'object' ? Object.keys(value) : [];
    if (!keys.includes(part)) {
      const there =
        keys.length > 20 ? `${keys.slice(0, 20).join(', ')} …` : keys.join(', ') || 'nothing';
      throw new Error(
        `there is no key ${part}${passed.length ? ` under ${passed.join('.')}` : ''}; there is ${there}`,
      );
    }
    value = value[part];
    passed.push(part);
  }
  return value;
}

const brief = (text) => (text.length > 60 ? `${text.slice(0, 60)} …` : text);

function number(value) {
  if (value === undefined) throw new Error('there is no number');
  if (!Number.isFinite(value)) throw new Error(`${brief(JSON.stringify(value))} is not a number`);
  return value;
}

// What is not a value but a drawing is made elsewhere; here it is only named.
const DRAWINGS = 'curve curves compare layers front shares lessons figure live'.split(' ');

const FORMATS = {
  text: (value) => {
    if (value === null || typeof value === 'object') throw new Error('that is not a single value');
    return String(value);
  },
  integer: (value) => Math.round(number(value)).toLocaleString('en-US'),
  decimals: (value, digits = '2') => number(value).toFixed(Number(digits)),
  millions: (value) => {
    const millions = number(value) / 1e6;
    return `${millions.toFixed(millions < 10 ? 2 : millions < 100 ? 1 : 0)}${nbsp}M`;
  },
  // A count, for where there is little room: 10 k, 1 M.
  short: (value) => {
    const [unit, size] = UNITS.find(([, least]) => number(value) >= least) ?? ['', 1];
    return `${value / size}${unit && nbsp + unit}`;
  },
  // A fraction of one. A mean over several runs carries its spread.
  percent: (value, digits = '1') => {
    const written = (share) => (100 * number(share)).toFixed(Number(digits));
    if (value === null || typeof value !== 'object') return `${written(value)}%`;
    const spread = number(value.n) > 1 ? `${nbsp}±${nbsp}${written(value.std)}` : '';
    return `${written(value.mean)}${spread}%`;
  },
  // Seconds, to two units.
  duration: (value) => {
    // Rounded as the README's comparison is: from an hour on to the minute.
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
 * @throws {Error} when the format is unknown or does not suit the value
 */
export function show(value, format) {
  const [name, ...rest] = format.split(/\s+/);
  if (!Object.hasOwn(FORMATS, name)) {
    throw new Error(
      `there is no format ${name}; there is ${[...Object.keys(FORMATS), ...DRAWINGS].join(', ')}`,
    );
  }
  return FORMATS[name](value, ...rest);
}
