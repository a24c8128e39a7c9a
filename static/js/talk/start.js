// What a lecturer does besides turning pages.

import { followRoutes } from './route.js';

function init(deck) {
  if (!deck.isPrintView()) followRoutes(deck);
}

// A plugin is given what the keys call, and when reveal.js is ready, it is started at once.
const start = () => Reveal.registerPlugin({ id: 'talk', init });
if (Reveal.isReady()) start();
else Reveal.on('ready', start);
