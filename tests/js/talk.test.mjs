// Routes through a deck, drawings on its slides, and the timer.

import assert from 'node:assert/strict';
import test from 'node:test';

import { readRoutes } from '../../slides/reveal/site/routes.mjs';
import * as routes from '../../static/js/talk/routes.js';
import { Drawings, path } from '../../static/js/talk/strokes.js';

/** A deck from "h.v name name" for each slide, one minute each. */
const deck = (...slides) =>
  slides.map((slide) => {
    const [place, ...named] = slide.split(' ');
    const [h, v] = place.split('.').map(Number);
    return { h, v, named, seconds: 60 };
  });
const DECK = deck('0.0', '1.0', '1.1 long', '1.2', '2.0 lecture', '3.0', '3.1 short long');

/** Where presses lead from a place, until nothing follows. */
function walk(route, from, step) {
  const to = routes.neighbor(DECK, route, from, step);
  return to ? [`${to.h}.${to.v}`, ...walk(route, to, step)] : [];
}

test('a route is the slides across, as marks add to it and take away', () => {
  assert.deepEqual(routes.routesOf(DECK), ['lecture', 'long', 'short', 'all']);
  const start = { h: -1, v: 0 };
  assert.deepEqual(walk('lecture', start, 1), ['0.0', '1.0', '2.0', '3.0']);
  assert.deepEqual(walk('long', start, 1), ['0.0', '1.0', '1.1', '3.0', '3.1']);
  assert.deepEqual(walk('long', { h: 3, v: 1 }, -1), ['3.0', '1.1', '1.0', '0.0']);
  assert.equal(walk('all', start, 1).length, DECK.length);
});

test('from below, next leads on and back leads to where the route was left', () => {
  const below = { h: 1, v: 2 };
  assert.deepEqual(walk('lecture', below, 1), ['2.0', '3.0']);
  assert.deepEqual(walk('lecture', below, -1), ['1.0', '0.0']);
});

test('a deck with nothing below and nothing marked has one route', () => {
  assert.deepEqual(routes.routesOf(deck('0.0', '1.0')), ['all']);
  assert.deepEqual(routes.routesOf(deck('0.0', '1.0 all', '1.1 long')), ['lecture', 'long', 'all']);
});

test('a length has minutes where every slide of the route has them', () => {
  assert.equal(routes.describe(DECK, 'long'), '5 slides, 5 minutes');
  const unknown = DECK.map((place) => (place.v === 2 ? { ...place, seconds: 0 } : place));
  assert.equal(routes.describe(unknown, 'long'), '5 slides, 5 minutes');
  assert.equal(routes.describe(unknown, 'all'), '7 slides');
});

test('the pages around a deck tell of its routes, and of one that is not there', () => {
  const timed = '<!-- .slide: data-timing="120" -->\n';
  const slides = [timed, timed, `${timed}<!-- .slide: class="a" data-route='long' -->\n`, timed];
  const columns = [['# A'], ['# B', '## C', '## D']];
  const lengths = ['2 slides, 4 minutes', '3 slides, 6 minutes', '4 slides, 8 minutes'];
  const [lecture, long, all] = lengths;
  const told = [`lecture: ${lecture}`, `long: ${long}`, `all: ${all}`];
  assert.deepEqual(readRoutes(slides, columns, 'long'), {
    routes: told,
    minutes: { lecture: 4, long: 6, all: 8 },
  });
  const { mistake } = readRoutes(slides, columns, 'short');
  assert.equal(mistake, 'there is no route short; there is lecture, long, all');
  assert.deepEqual(readRoutes(['# A'], [['# A']]), {
    routes: ['1 slide'],
    minutes: { lecture: undefined, all: undefined },
  });
});

test('the speaker view adds up the slides of the route, whichever is chosen', () => {
  const names = routes.routesOf(DECK);
  const seconds = routes.pacing(DECK, names);
  // As reveal.js does: the times up to the current slide, which is the one after `past` others.
  const allocated = (route, past) =>
    seconds
      .slice(0, routes.indexIn(DECK, names, route, past) + 1)
      .reduce((sum, each) => sum + each, 0);
  const minutes = (route) => DECK.map((_, past) => allocated(route, past) / 60);
  assert.deepEqual(minutes('lecture'), [1, 2, 2, 2, 3, 4, 4]);
  assert.deepEqual(minutes('long'), [1, 2, 3, 3, 3, 4, 5]);
  assert.deepEqual(minutes('all'), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(allocated('long', DECK.length), 300); // a slide at the end that is not counted
});

test('strokes are kept by slide, and each change can be undone', () => {
  const [one, two] = [
    { tool: 'pen', points: [0, 0, 0.5, 0.5] },
    { tool: 'marker', points: [0.1, 0.1] },
  ];
  const drawings = new Drawings(null);
  drawings.put('a', [one]);
  drawings.put('b', [one]);
  drawings.put('a', [one, two]);
  drawings.put('a', []);
  drawings.undo('a');
  assert.deepEqual([drawings.on('a'), drawings.on('b')], [[one, two], [one]]);
  const later = new Drawings(String(drawings));
  later.undo('a'); // of what was drawn before, a stroke
  assert.deepEqual([later.on('a'), later.on('b')], [[one], [one]]);
  later.undo('a');
  later.undo('a');
  later.clear();
  assert.equal(later.isEmpty, true);
});

test('undoing takes one stroke back, also where another window has drawn meanwhile', () => {
  const [mine, others] = ['pen', 'marker'].map((tool) => ({ tool, points: [0, 0] }));
  const drawings = new Drawings(null);
  drawings.put('a', [mine]);
  drawings.show('a', [mine, others]);
  drawings.undo('a');
  assert.deepEqual(drawings.on('a'), [mine]);
});

test('of what a browser has kept, only strokes are taken', () => {
  const stroke = { tool: 'pen', points: [0, 0] };
  const wrong = {
    a: [{ tool: 'pen', points: ['M0 0'] }, stroke],
    b: 'no',
    c: [null, { points: [1, 1] }],
  };
  const drawings = new Drawings(JSON.stringify(wrong));
  assert.deepEqual(JSON.parse(String(drawings)), { a: [stroke] });
  for (const text of ['', '{', 'null', '[]', '3']) assert.ok(new Drawings(text).isEmpty, text);
});

test('a stroke goes through its first and its last point, and a tap is a dot', () => {
  assert.equal(path({ points: [0, 0, 1, 1, 1, 0] }), 'M0 0Q1 1 1 0.5L1 0');
  assert.equal(path({ points: [0.5, 0.25] }), 'M0.5 0.25L0.5 0.25');
});
