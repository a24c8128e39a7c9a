// Imported before reveal-md, which reads front matter by what js-yaml 3 calls `load`: that also makes
// functions out of text and calls them (`!!js/function`), so that a deck could run code in whoever
// opens it, or the list of decks.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const ofRevealMd = createRequire(require.resolve('reveal-md/package.json'));
const yaml = createRequire(ofRevealMd.resolve('yaml-front-matter'))('js-yaml');

yaml.load = yaml.safeLoad;
