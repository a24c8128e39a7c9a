// What a file from elsewhere does not say, and so is asked for beside its answer: the names of its
// classes, and how pixels are scaled for it. It is remembered for the next time.

import { make } from './dom.js';
import { SIDE } from './picture.js';

/** The usual ways to scale pixels: mean and standard deviation of each channel, of values to 1. */
const SCALES = {
  'CIFAR10: its mean and std': [
    [0.4914, 0.4822, 0.4465],
    [0.247, 0.2435, 0.2616],
  ],
  'ImageNet: its mean and std': [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ],
  'MNIST: its mean and std': [[0.1307], [0.3081]],
  'from 0 to 1': [[0], [1]],
  'from −1 to 1': [[0.5], [0.5]],
  'from 0 to 255': [[0], [1 / 255]],
};

/** @typedef {{classes: string[], mean: number[], std: number[], size: number}} Told */

/** The scales for so many channels, by their names. */
const scalesFor = (channels) =>
  Object.entries(SCALES)
    .filter(([, [mean]]) => mean.length === 1 || mean.length === channels)
    .filter(([name]) => channels === 1 || !name.startsWith('MNIST'))
    .map(([name, both]) => ({
      name,
      values: both.map((each) => (each.length === channels ? each : Array(channels).fill(each[0]))),
    }));

const place = ({ name, size }) => `live network ${name} ${size}`;

/** What was said of a file before. @returns {Told|undefined} */
export function recall(file) {
  try {
    return JSON.parse(localStorage.getItem(place(file)) ?? 'null') ?? undefined;
  } catch {
    return undefined; // a browser that keeps nothing
  }
}

/** Remember what is said of a file. */
export function remember(file, { classes, mean, std, size }) {
  try {
    localStorage.setItem(place(file), JSON.stringify({ classes, mean, std, size }));
  } catch {
    // It is asked for again the next time.
  }
}

/**
 * What a file is taken for until somebody says more.
 *
 * @param {import('./plain.js').Plain} plain
 * @param {string[]} known the classes of the lecture's network
 * @returns {Told}
 */
export function guess(plain, known) {
  const { channels, size = SIDE, count = known.length } = plain;
  const numbered = Array.from({ length: count }, (_, n) => `class ${n + 1}`);
  const [mean, std] = scalesFor(channels)[0].values;
  return { classes: count === known.length ? known : numbered, mean, std, size };
}

const numbers = (words) => words.split(',').map(Number);

/**
 * Return the panel in which a network's file is completed.
 *
 * @param {object} act
 * @param {(told: Partial<Told>) => void} act.tell is called with every change
 * @param {(network: any) => void} act.ask when another file is to be completed
 */
export function telling({ tell, ask }) {
  const row = (label, field) => make('label', make('span', label), field);
  let plain = []; // the networks whose files do not say all
  const onfile = () => ask(plain[file.selectedIndex]);
  const file = make('select', { name: 'file', onchange: onfile });
  const onclasses = () => tell({ classes: classes.value.split(',').map((name) => name.trim()) });
  const classes = make('input', { type: 'text', name: 'classes', onchange: onclasses });
  let scales = scalesFor(3);
  const onscale = () => {
    const [mean, std] = scales[scale.selectedIndex].values;
    tell({ mean, std });
  };
  const scale = make('select', { name: 'scale', onchange: onscale });
  const numeric = (name) => {
    const field = make('input', {
      type: 'text',
      name,
      inputmode: 'decimal',
      onchange: () => tell({ [name]: numbers(field.value) }),
    });
    return field;
  };
  const [mean, std] = ['mean', 'std'].map(numeric);
  const onsize = () => tell({ size: Number(size.value) });
  const size = make('input', { type: 'number', name: 'size', min: 1, max: 224, onchange: onsize });
  const which = row('File', file);
  const rows = [
    which,
    row('Classes', classes),
    row('Pixels', scale),
    row('Mean', mean),
    row('Std', std),
    row('Size', size),
  ];

  return {
    element: make('div.live-telling', { hidden: true }, ...rows),

    /** Show what is said of a network so far, and which others there are. */
    show(network, networks) {
      plain = networks.filter((each) => each.plain);
      which.hidden = networks.length < 2;
      file.replaceChildren(...plain.map(({ title }) => make('option', title)));
      file.selectedIndex = plain.indexOf(network);
      scales = scalesFor(network.plain.channels);
      const now = JSON.stringify([network.mean, network.std]);
      const usual = scales.findIndex(({ values }) => JSON.stringify(values) === now);
      scale.replaceChildren(...scales.map(({ name }) => make('option', name)));
      scale.selectedIndex = usual;
      classes.value = network.classes.join(', ');
      const short = (values) => values.map((value) => Number(value.toPrecision(4))).join(', ');
      [mean.value, std.value] = [short(network.mean), short(network.std)];
      size.value = String(network.size);
      size.disabled = network.plain.size !== undefined;
    },
  };
}
