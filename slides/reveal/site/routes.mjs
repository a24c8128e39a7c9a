// The routes through a deck, as the pages around it tell of them: static/js/talk/routes.js.

import { load } from '../project.mjs';

// Not by `import`, which would end in Node's own lines where package.json is broken.
const { ALL, describe, LECTURE, lengthOf, namesIn, routesOf } = await load(
  new URL('../../../static/js/talk/routes.js', import.meta.url).href,
);

/** What a slide sets by `<!-- .slide: name="value" -->`. */
const attribute = (name, slide) =>
  new RegExp(`<!--\\s*\\.slide:[^>]*\\b${name}\\s*=\\s*["']([^"']*)`).exec(slide)?.[1];

/**
 * Read the routes of a deck.
 *
 * @param {string[]} slides filled in
 * @param {string[][]} columns the same slides, a list for each column
 * @param {unknown} wanted the route that the deck begins with, if it names one
 * @returns {{routes: string[], minutes: Record<string, number|undefined>, mistake?: string}} each
 *   route with its length in words, and the minutes of each, those of the slides across among them
 */
export function readRoutes(slides, columns, wanted = ALL) {
  const order = columns.flatMap((column, h) => column.map((_, v) => ({ h, v })));
  const places = order.map(({ h, v }, n) => ({
    h,
    v,
    named: namesIn(attribute('data-route', slides[n])),
    seconds: Number(attribute('data-timing', slides[n]) ?? 0),
  }));
  const names = routesOf(places);
  if (places.length > 0 && !names.includes(String(wanted))) {
    const mistake = `there is no route ${wanted}; there is ${names.join(', ')}`;
    return { routes: [], minutes: {}, mistake };
  }
  const said = (name) => (names.length > 1 ? `${name}: ` : '') + describe(places, name);
  const minutes = [LECTURE, ...names].map((name) => [name, lengthOf(places, name).minutes]);
  return { routes: names.map(said), minutes: Object.fromEntries(minutes) };
}
