// What a lecturer does besides turning pages: choose a route, draw on a slide, give the room a time.

import { drawOn } from './ink.js';
import { printDrawings } from './sheet.js';
import { followRoutes } from './route.js';
import { countDown } from './timer.js';

function init(deck) {
  if (deck.isPrintView()) printDrawings(deck);
  else for (const offer of [followRoutes, drawOn, countDown]) offer(deck);
}

// A plugin is given what the keys call, and when reveal.js is ready, it is started at once.
const start = () => Reveal.registerPlugin({ id: 'talk', init });
if (Reveal.isReady()) start();
else Reveal.on('ready', start);
