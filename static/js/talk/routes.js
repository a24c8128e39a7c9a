// A route is the talk that one has time for: which slides a press of Space or of a clicker leads to.
//
// `lecture` is the slides across, `all` is every slide. A slide whose data-route names routes is on
// those, and on `all`; so a mark takes a slide from below into a longer talk, or one out of a short one.

export const LECTURE = 'lecture';
export const ALL = 'all';

/**
 * @typedef {object} Place what a route knows of a slide
 * @property {number} h
 * @property {number} v
 * @property {string[]} named the routes that its data-route names
 * @property {number} seconds the time that it takes, 0 where nobody says
 */

/**
 * Whether a slide is on a route.
 *
 * @param {string} route
 * @param {Place} place
 */
const isOn = (route, { v, named }) =>
  route === ALL || (named.length > 0 ? named.includes(route) : v === 0);

/** The names that stand in a data-route. */
export const namesIn = (mark = '') => mark.split(/\s+/).filter(Boolean);

/**
 * The routes of a deck, `all` being the last, and the only one where nothing is left out.
 *
 * @param {Place[]} places
 */
export function routesOf(places) {
  const names = new Set([LECTURE, ...places.flatMap(({ named }) => named)]);
  names.delete(ALL);
  return [...names, ALL].filter((name, n, { length }) => {
    const isLast = n === length - 1;
    return isLast || places.some((place) => !isOn(name, place));
  });
}

/**
 * The slide of a route that comes after a place (step 1) or before it (step -1); undefined at its end.
 *
 * @param {Place[]} places
 * @param {string} route
 * @param {{h: number, v: number}} from on the route or not
 * @param {number} step
 */
export function neighbor(places, route, from, step) {
  const distance = ({ h, v }) => step * (h - from.h || v - from.v);
  const ahead = places.filter((place) => isOn(route, place) && distance(place) > 0);
  return step > 0 ? ahead[0] : ahead.at(-1);
}

/**
 * How long a route is.
 *
 * @param {Place[]} places
 * @param {string} route
 * @returns {{slides: number, minutes: number|undefined}} undefined where a slide has no minutes
 */
export function lengthOf(places, route) {
  const on = places.filter((place) => isOn(route, place));
  const seconds = on.reduce((sum, place) => sum + place.seconds, 0);
  const isKnown = on.every((place) => place.seconds > 0);
  return { slides: on.length, minutes: isKnown ? Math.round(seconds / 60) : undefined };
}

/** A route's length in words. */
export function describe(places, route) {
  const { slides, minutes } = lengthOf(places, route);
  const count = (number, what) => `${number} ${what}${number === 1 ? '' : 's'}`;
  return count(slides, 'slide') + (minutes === undefined ? '' : `, ${count(minutes, 'minute')}`);
}

/**
 * The seconds of each slide on each route, one route after the other.
 *
 * The speaker view asks for the times once, and from then on adds up those as far as the slide whose
 * number it is told. So that it counts another route as soon as one is chosen, it gets them all in one
 * list, in which each route ends with what takes its sum away again. The zero before that is for a last
 * slide that is not to be counted.
 *
 * @param {Place[]} places
 * @param {string[]} routes
 */
export function pacing(places, routes) {
  return routes.flatMap((route) => {
    const seconds = places.map((place) => (isOn(route, place) ? place.seconds : 0));
    return [...seconds, 0, -seconds.reduce((sum, each) => sum + each, 0)];
  });
}

/** Where in that list a slide of a route is. */
export const indexIn = (places, routes, route, past) =>
  routes.indexOf(route) * (places.length + 2) + past;
