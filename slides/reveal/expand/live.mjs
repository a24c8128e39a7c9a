// Live networks: what a slide shows until its script runs, on paper and where there is none, and the
// page live.html with the same for a phone.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { escapeText, fillIn } from '../html.mjs';
import { learn, learns } from './learn.mjs';
import { SERVED } from './links.mjs';
import { listFiles, load, siteAddress } from '../project.mjs';

// Not by `import`, which would end in Node's own lines where package.json is broken.
const page = (name) => load(new URL(`../../../static/js/live/${name}`, import.meta.url).href);
const { readNetwork } = await page('onnx.js');
const { agreement, labelFor, millions, percent, provenance, top, whole, withArticle } =
  await page('words.js');

const SAMPLES = 'static/samples';
const MODELS = 'static/models';
// What the samples are, by their folders, in the order in which they are offered; where there are
// test images, only the deck on the lecturer's own machine shows them.
const KINDS = { photos: 'Photograph', '': 'Drawing', test: 'Test image' };
const TEST = 'test';
const PREFERRED = ['photos/cat', 'cat']; // the samples to begin with, where there is one
const LESSONS = 'static/learn'; // of which a network learns in the page
const MOST_BARS = 10;
// Asks live.html for all networks; without it, a phone would load them all for its first answer.
const ALL = '?networks=all';
const PAGE = new URL('live.html', import.meta.url);

/**
 * The two files of onnxruntime-web that a page loads: how they are called there, and in the package.
 * A script is called .js, because nginx knows no .mjs, and browsers run no script without a type.
 */
export const RUNTIME_FILES = {
  'ort.wasm.bundle.min.js': 'ort.wasm.bundle.min.mjs',
  'ort-wasm-simd-threaded.wasm': 'ort-wasm-simd-threaded.wasm',
};
export const RUNTIME_FOLDER = path.join('node_modules', 'onnxruntime-web', 'dist');

/** The networks' files in a folder, in the order of the course, then by name. */
export function modelsIn(root, folder) {
  const lessons = path.join(root, 'static', 'lessons.json');
  const order = fs.existsSync(lessons)
    ? Object.keys(JSON.parse(fs.readFileSync(lessons, 'utf8')))
    : [];
  const place = (file) => {
    const n = order.indexOf(path.basename(file, '.onnx'));
    return n < 0 ? order.length : n;
  };
  return listFiles(path.join(root, folder), { ending: '.onnx' })
    .sort((a, b) => place(a) - place(b))
    .map((name) => `${folder}/${name}`);
}

function read(root, file) {
  try {
    return { file, ...readNetwork(fs.readFileSync(path.join(root, file))) };
  } catch (error) {
    throw new Error(`${path.basename(file)}: ${error.message}`);
  }
}

const nameOf = ({ file }) => path.basename(file, '.onnx');

/** The sample to begin with. */
const preferred = (samples) =>
  PREFERRED.flatMap((name) => samples.filter(({ file }) => file === `${name}.png`))[0] ??
  samples[0];

const bar = (share) =>
  `<span class="live-bar" style="--share: ${(100 * share).toFixed(2)}%" aria-hidden="true"></span>`;

/** Whether an answer is right, where that can be known; after the answer, as the script has it. */
function judged(answer, label) {
  if (label === undefined || answer === '') return '';
  const word = answer === label ? 'right' : 'wrong';
  return ` <span class="live-is-${word}">${word}</span>`;
}

/** The class of a sample. */
const classOf = ({ file }) => path.posix.parse(file).name;

/**
 * The recorded sample of a still, its file and the probabilities: the one to begin with, or else
 * another that the network gets right.
 */
function recorded({ samples = [], classes }) {
  const isRight = (sample) => classes[top(sample.probabilities)] === classOf(sample);
  const first = preferred(samples);
  return first && !isRight(first) ? (samples.find(isRight) ?? first) : first;
}

/** One network's answer to the recorded sample, as the script will show it. */
function bars(network, { file, probabilities }) {
  const { classes } = network;
  const largest = top(probabilities);
  const items = probabilities
    .map((probability, n) => ({ probability, n }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, MOST_BARS)
    .sort((a, b) => a.n - b.n)
    .map(
      ({ probability, n }) =>
        `<li${n === largest ? ' class="live-top"' : ''}><span class="live-class">${escapeText(classes[n])}</span>` +
        `${bar(probability)}<span class="live-share">${percent(probability)}</span></li>`,
    );
  return (
    `<p class="live-verdict"><strong>${escapeText(classes[largest])}</strong> ` +
    `<span class="live-sure">${percent(probabilities[largest])}</span>` +
    `${judged(classes[largest], labelFor(classOf({ file }), [network]))}</p>` +
    `<ol class="live-bars">${items.join('')}</ol>`
  );
}

/** Several networks' answers to the recorded sample. */
function table(networks) {
  const sample = recorded(networks[0]);
  const answers = networks.map((network) => {
    const same = network.samples?.find(({ file }) => file === sample?.file);
    const probabilities = same?.probabilities;
    return { network, probabilities, answer: probabilities && network.classes[top(probabilities)] };
  });
  const said = answers.filter(({ answer }) => answer !== undefined);
  const label = sample && labelFor(classOf(sample), networks);
  const { common, sentence } = said.length > 0 ? agreement(said, label) : {};
  const rows = answers.map(({ network, probabilities, answer = '' }) => {
    const differs = common !== undefined && answer !== '' && answer !== common;
    const share = probabilities ? Math.max(...probabilities) : 0;
    return (
      `<tr${differs ? ' class="live-differs"' : ''}><th scope="row">${escapeText(network.title)}</th>` +
      `<td>${escapeText(answer)}${judged(answer, label)}</td>` +
      `<td class="live-surety">${bar(share)}<span class="live-share">${percent(share)}</span></td>` +
      `<td class="count">${whole(network.parameters)}</td>` +
      `<td class="count">${millions(network.macs)}</td></tr>`
    );
  });
  return (
    `<p class="live-verdict"><strong>${escapeText(sentence ?? '')}</strong></p>` +
    '<table class="live-side"><thead><tr><th scope="col">network</th><th scope="col">says</th>' +
    '<th scope="col">how sure</th><th scope="col" class="count">parameters</th>' +
    `<th scope="col" class="count">MACs</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
  );
}

/** A QR code for an address, as a link with a drawing. */
function code(address) {
  const qr = createRequire(import.meta.url)('qrcode-generator')(0, 'M');
  qr.addData(address);
  qr.make();
  const count = qr.getModuleCount();
  const squares = [];
  for (let y = 0; y < count; y += 1) {
    for (let x = 0; x < count; x += 1) if (qr.isDark(y, x)) squares.push(`M${x} ${y}h1v1h-1z`);
  }
  return (
    `<a class="live-qr" href="${escapeText(address)}" aria-label="The same on your phone">` +
    `<svg viewBox="0 0 ${count} ${count}" aria-hidden="true" shape-rendering="crispEdges"><path d="${squares.join('')}"/></svg></a>`
  );
}

/** The pictures of static/samples by their kinds, in the order of a network's classes. */
function samplesFor({ classes }, root, assets) {
  const place = (name) => classes.indexOf(path.parse(name).name);
  const shown = Object.entries(KINDS).filter(([at]) => at !== TEST || assets === SERVED);
  return shown.flatMap(([at, kind]) => {
    const folder = path.posix.join(SAMPLES, at);
    return listFiles(path.join(root, folder))
      .filter((name) => /\.(png|jpg|webp)$/.test(name))
      .sort((a, b) => place(a) - place(b))
      .map((name) => {
        const file = path.posix.join(at, name);
        return { name: classOf({ file }), kind, file, url: `${assets}/${folder}/${name}` };
      });
  });
}

/** What is said of one network, or of several side by side. */
function describe(networks) {
  const [first] = networks;
  if (networks.length > 1) {
    const datasets = [...new Set(networks.map(({ dataset }) => dataset))];
    return {
      network: '',
      query: ALL,
      label: 'Try all networks side by side',
      about: `Trained on ${datasets.join(' and ')}.`,
      answer: table(networks),
    };
  }
  return {
    network: nameOf(first),
    query: `?network=${encodeURIComponent(nameOf(first))}`,
    label: `Try ${first.title}`,
    about: provenance(first),
    answer: recorded(first) ? bars(first, recorded(first)) : '',
  };
}

/**
 * Return a live slide as HTML on one line, which Markdown keeps.
 *
 * @param {string} root the project's folder
 * @param {string[]} files of one network, or of all that are to be compared, as `static/…`
 * @param {string} assets where the page finds static/
 * @returns {string} HTML: a still of the recorded sample, and in data what the script needs
 * @throws {Error} when a file cannot be shown
 */
export function live(root, files, assets) {
  const home = assets === SERVED ? '' : assets;
  const networks = files.map((file) => read(root, file));
  const samples = samplesFor(networks[0], root, assets);
  const still = recorded(networks[0]);
  const shown = samples.find(({ file }) => file === still?.file);
  const picture = shown
    ? `<figure class="live-sample"><img src="${escapeText(shown.url)}" alt="${shown.kind} of ${escapeText(withArticle(shown.name))}, shown to the network"><figcaption>${shown.kind}: ${escapeText(shown.name)}</figcaption></figure>`
    : '';
  const { network, query, label, about, answer } = describe(networks);
  const { homepage } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const base = siteAddress(homepage);
  const qr = base === undefined ? '' : code(`${base}live.html${query}`);
  const data = {
    network,
    networks: JSON.stringify(
      networks.map(({ file, title, parameters, macs }) => {
        return { url: `${assets}/${file}`, title, parameters, macs };
      }),
    ),
    samples: JSON.stringify(samples),
    start: (shown ?? preferred(samples))?.file ?? '',
  };
  const attributes = Object.entries(data).map(
    ([key, value]) => `data-${key}="${escapeText(value)}"`,
  );
  return (
    `<div class="live${networks.length > 1 ? ' live-several' : ''}" role="group" aria-label="${escapeText(label)}" data-prevent-swipe ${attributes.join(' ')}>` +
    `<div class="live-still">${picture}<div class="live-say">${answer}` +
    `<div class="live-foot"><p class="live-about">${escapeText(about)}</p>${qr}</div>` +
    `<a class="live-start" href="${home}/live.html${escapeText(query)}">Try it</a></div></div></div>`
  );
}

/** The still of all networks of static/models, for the site's first page; there are some. */
export const liveStill = (root, assets) => live(root, modelsIn(root, MODELS), assets);

/** The networks that learn in the page. */
const learningIn = (root) =>
  listFiles(path.join(root, LESSONS), { ending: '.json' })
    .map((name) => `${LESSONS}/${name}`)
    .map((file) => ({ file, lesson: JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')) }));

/**
 * Return the page live.html: every network of static/models, of which the address names one or all.
 *
 * @param {string} root the project's folder
 * @param {string} assets where the page finds static/
 * @param {string} [licenses] where it finds their list, which only a site has
 * @returns {string|undefined} HTML; undefined where there is no network
 */
export function livePage(root, assets, licenses) {
  const files = modelsIn(root, MODELS);
  const learning = learningIn(root);
  if (files.length === 0 && learning.length === 0) return undefined;
  const single = files.map((file) => ({
    title: read(root, file).title,
    network: nameOf({ file }),
  }));
  for (const { lesson } of learning) {
    single.push({ title: `Watch ${lesson.title} learn`, network: learns(lesson.network) });
  }
  const groups = [...(files.length > 1 ? [files] : []), ...files.map((file) => [file])];
  return fillIn(PAGE, {
    staticBase: `${assets}/static`,
    all: files.length > 1 && ALL,
    single,
    lives: [
      ...groups.map((group) => live(root, group, assets)),
      ...learning.map(({ lesson, file }) => learn(lesson, file, assets)),
    ],
    licenses,
  });
}
