// Lets the keys, the clicker and swiping follow a route; ↓ still opens what lies below.

import { hear, isReceiver, tell } from './channel.js';
import { ALL, describe, indexIn, namesIn, neighbor, pacing, routesOf } from './routes.js';
import { say } from './say.js';

const R = 82;

/** Lead the methods of reveal.js that its keys and gestures call along the route. */
function lead(deck, places, route) {
  const replace = (name, step) => {
    const own = deck[name];
    const follow = (options = {}) => {
      if (route() === ALL || deck.isOverview() || deck.isScrollView()) return own(options);
      const fragment = step > 0 ? deck.nextFragment : deck.prevFragment;
      if (!options.skipFragments && fragment()) return;
      const to = neighbor(places, route(), deck.getIndices(), step);
      if (to) deck.slide(to.h, to.v);
    };
    // The page has the same methods under a name of its own.
    deck[name] = Reveal[name] = follow;
  };
  const [ahead, back] = deck.getConfig().rtl ? ['left', 'right'] : ['right', 'left'];
  for (const name of ['next', ahead]) replace(name, 1);
  for (const name of ['prev', back]) replace(name, -1);
}

/** Let the speaker view count the slides of the route. */
function pace(deck, places, routes, route) {
  const config = deck.getConfig();
  // Who gives the talk a time as a whole has reveal.js share it out.
  if (config.totalTime || !places.some(({ seconds }) => seconds > 0)) return;
  const past = deck.getSlidePastCount;
  deck.getSlidesAttributes = () =>
    pacing(places, routes).map((seconds) => ({ 'data-timing': seconds }));
  deck.getSlidePastCount = () => indexIn(places, routes, route(), past());
  config.minimumTimePerSlide = Number.MIN_SAFE_INTEGER; // or it complains of what is below zero
}

/** Offer the routes of a deck, if it has more than one. */
export function followRoutes(deck) {
  const config = deck.getConfig();
  const read = (slide) => {
    const { h, v = 0 } = deck.getIndices(slide);
    const seconds = Number(slide.dataset.timing ?? config.defaultTiming ?? 0);
    return { h, v, named: namesIn(slide.dataset.route), seconds };
  };
  const places = [...deck.getSlidesElement().querySelectorAll('section:not(.stack)')].map(read);
  const routes = routesOf(places);
  // From the address, ?route=, or else from the deck: the address may make a number of the name.
  const wanted = String(config.route ?? ALL);
  let route = routes.includes(wanted) ? wanted : ALL;
  if (route !== wanted) say(`There is no route ${wanted}; there is ${routes.join(', ')}.`);
  if (routes.length === 1) return;

  const choose = (name) => {
    if (!routes.includes(name)) return; // a window with the deck as it was before it was edited
    route = name;
    say(`Route ${name}: ${describe(places, name)}`);
    if (isReceiver) return;
    const address = new URL(location.href);
    address.searchParams.set('route', name);
    history.replaceState(history.state, '', address); // for a reload, and for the speaker view
    const { h, v } = deck.getIndices();
    // reveal.js may be about to write the address with the route before: let it write this one.
    if (!deck.isScrollView()) deck.slide(h, v);
    // This makes the speaker view look for the next slide.
    deck.getRevealElement().dispatchEvent(new Event('resumed'));
  };
  const current = () => route;
  lead(deck, places, current);
  pace(deck, deck.getSlides().map(read), routes, current);
  hear('route', choose);
  const description = `Another route, which the next key follows: ${routes.join(', ')}`;
  deck.addKeyBinding({ keyCode: R, key: 'R', description }, () => {
    const name = routes[(routes.indexOf(route) + 1) % routes.length];
    choose(name);
    tell({ route: name });
  });
}
