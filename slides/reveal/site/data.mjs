// What decks and pages are made from besides Markdown and code: facts, records, searches, package.json.
//
// Commands write these files whole. So whatever is wrong with one is told once, before the first of
// the many slides that show something of it.

import path from 'node:path';

import { isThere, listFiles, readJson, Refusal, root, siteAddress } from '../project.mjs';

const SPREAD = { mean: 'number', 'std?': 'number', n: 'number' };
const RUN = {
  seconds: 'number',
  device: 'text',
  precision: 'text',
  torch: 'text',
  commit: 'text',
  history: [{ epoch: 'number', train_loss: 'number', validation_loss: 'number' }],
};
const VARIANT = {
  network: 'text',
  variant: 'text',
  dataset: 'text',
  parameters: 'number',
  macs: 'number',
  recipe: { epochs: 'number' },
  runs: [RUN],
  validation_accuracy: SPREAD,
  test_accuracy: SPREAD,
};
const RECORD = { ...VARIANT, 'variants?': { '*': VARIANT } };
const FACTS = { '*': { cifar10: { name: 'text', parameters: 'number', macs: 'number' } } };
const TRIAL = { generation: 'number', error: 'number', macs: 'number' };
const SEARCH = {
  network: 'text',
  dataset: 'text',
  images: { training: 'number', validation: 'number' },
  'operations?': ['text'],
  'searches?': { '*': { hypervolume: ['number'], trials: [TRIAL] } },
};

/** The JSON files of a folder of the project. */
const filesIn = (folder) =>
  listFiles(path.join(root, folder), { ending: '.json' }).map((name) => `${folder}/${name}`);

/** Throw a Refusal with a line for each file that cannot be read or lacks what pages show of it. */
export function checkData() {
  const facts = 'static/facts.json';
  const checks = [
    () => siteAddress(readJson('package.json').homepage),
    ...(isThere(facts) ? [() => readJson(facts, FACTS)] : []),
    ...filesIn('static/results').map((name) => () => readJson(name, RECORD)),
    ...filesIn('static/searches').map((name) => () => readJson(name, SEARCH)),
  ];
  const mistakes = checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof Refusal) return [error.message];
      throw error;
    }
  });
  if (mistakes.length > 0) throw new Refusal(mistakes.join('\n'));
}
