// How numbers and answers are told, on the slide, aloud and in the still of a printed one.

const nbsp = '\u00a0';

export const percent = (fraction, digits = 1) => `${(100 * fraction).toFixed(digits)}${nbsp}%`;

export const whole = (count) => count?.toLocaleString('en-US') ?? '';

/** A count in millions, with three digits. */
export const millions = (count) =>
  count === undefined ? '' : `${Number((count / 1e6).toPrecision(3))}${nbsp}M`;

export const time = (milliseconds) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)}${nbsp}ms`;

/** A number of a map. */
export const signed = (value) => (value === 0 ? '0' : value.toFixed(2).replace('-', '−'));

/** `airplane` and `automobile` need an, `cat` an a. */
export const withArticle = (name) => `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;

/** Return the place of the largest of some numbers. */
export const top = (numbers) => numbers.indexOf(Math.max(...numbers));

/** What a network was trained on, and how well it does, as its file says. */
export function provenance(network) {
  const { title, dataset, test_accuracy: accuracy, parameters } = network;
  if (!dataset) return `${title}: its file does not say what it was trained on.`;
  const right = Number.isFinite(accuracy)
    ? `, ${percent(accuracy)} right on its test images`
    : ', its accuracy unknown';
  return `${title}: ${whole(parameters)} parameters, trained on ${dataset}${right}.`;
}

// Of a recipe, these are always told, and in these words.
const USUAL = {
  epochs: (count) => `${count} epochs`,
  lr: (rate) => `lr ${Number(Number(rate).toPrecision(3))}`,
  batch_size: (size) => `batch ${size}`,
};

/** The settings of some networks to tell of: the usual ones, and those in which all differ. */
export function settingsOf(networks) {
  const recipes = networks.map(({ recipe }) => recipe).filter(Boolean);
  const [first = {}] = recipes;
  const differs = (key) =>
    recipes.every((recipe) => Object.hasOwn(recipe, key)) &&
    recipes.some((recipe) => recipe[key] !== first[key]);
  const usual = Object.keys(USUAL);
  const others = Object.keys(first).filter((key) => !['data', ...usual].includes(key));
  return [...usual, ...others.filter(differs)];
}

/**
 * What a network's file says of its training, some settings of its recipe among it.
 *
 * @param {Partial<import('./onnx.js').Network>} network
 * @param {string[]} settings
 */
export function training({ dataset, test_accuracy: accuracy, recipe = {} }, settings) {
  const told = settings
    .filter((key) => Object.hasOwn(recipe, key) && typeof recipe[key] !== 'object')
    .map((key) => USUAL[key]?.(recipe[key]) ?? `${key.replaceAll('_', ' ')} ${recipe[key]}`);
  if (Number.isFinite(accuracy)) told.unshift(`${percent(accuracy)} right`);
  // Where there is no room for a line, it ends after a comma.
  const parts = [dataset, ...told].filter(Boolean).map((part) => part.replaceAll(' ', nbsp));
  return parts.join(', ') || 'its file does not say';
}

/** What a picture shows, where a network can say it. */
export const labelFor = (label, networks) =>
  networks.every(({ classes }) => classes.includes(label)) ? label : undefined;

/** How many networks are right. */
function rightness(answers, label) {
  const count = answers.length;
  const right = answers.filter(({ answer }) => answer === label).length;
  if (right === count) return `All ${count} are right`;
  return `${right || 'None'} of ${count} ${right > 1 ? 'are' : 'is'} right`;
}

/**
 * How many of several networks are right, or, where nobody knows, how far they agree.
 *
 * @param {{answer: string}[]} answers
 * @param {string} [label] what the picture shows
 * @returns {{common?: string, sentence: string}} what is right or said by most, and a sentence
 */
export function agreement(answers, label) {
  if (label !== undefined) return { common: label, sentence: rightness(answers, label) };
  const counts = new Map();
  for (const { answer } of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const [[common, count]] = sorted;
  if (sorted.length === 1) return { common, sentence: `All ${count} say ${common}` };
  if (count === 1) return { common: undefined, sentence: 'Each says something else' };
  const isTie = sorted[1][1] === count;
  const sentence = isTie
    ? `${count} say ${common}, ${count} say ${sorted[1][0]}`
    : `${count} of ${answers.length} say ${common}`;
  return { common: isTie ? undefined : common, sentence };
}
