// The sheet over a slide that is drawn on. Nothing of it leaves the machine: it lies in this browser's
// storage, by deck and slide.

import { hear, tell } from './channel.js';
import { say } from './say.js';
import { Drawings, path } from './strokes.js';

const KEPT = `ink ${location.pathname}`;
const SURE = 3000; // ms, within which a second clearing means all slides

const svg = (name) => document.createElementNS('http://www.w3.org/2000/svg', name);

function makeLayer() {
  const layer = svg('svg');
  layer.setAttribute('class', 'ink');
  layer.setAttribute('viewBox', '0 0 1 1');
  layer.setAttribute('preserveAspectRatio', 'none');
  layer.setAttribute('aria-hidden', 'true');
  return layer;
}

function drawInto(layer, strokes) {
  const lines = strokes.map((stroke) => {
    const line = svg('path');
    line.setAttribute('class', stroke.tool);
    line.setAttribute('d', path(stroke));
    return line;
  });
  layer.replaceChildren(...lines);
}

/** The name of a slide: a drawing is not shown on another that has come into its place. */
function nameOf(slide) {
  const heading = slide?.querySelector('h1, h2, h3, h4, h5, h6')?.textContent ?? '';
  return `${slide?.dataset.place} ${heading.replace(/\s+/g, ' ').trim()}`;
}

/** The drawings that this browser has of the deck; it may be forbidden to keep any. */
function readKept() {
  try {
    return new Drawings(localStorage.getItem(KEPT));
  } catch {
    return new Drawings(null);
  }
}

/** On paper, show the drawings where the address asks for them: ?view=print&ink. */
export function printDrawings(deck) {
  if (!new URLSearchParams(location.search).has('ink')) return;
  const drawings = readKept();
  const print = () => {
    for (const page of document.querySelectorAll('.pdf-page:not(:has(> .ink))')) {
      const layer = makeLayer();
      drawInto(layer, drawings.on(nameOf(page.querySelector('section'))));
      page.append(layer);
    }
  };
  deck.on('pdf-ready', print);
  print(); // where the pages are there already
}

export class Sheet {
  constructor(deck) {
    this.layer = makeLayer();
    this.drawings = readKept();
    this.here = () => nameOf(deck.getCurrentSlide());
    /** @type {import('./strokes.js').Stroke & {slide: string}|undefined} the one that is being drawn */
    this.stroke = undefined;
    this.isDue = false; // the next frame shows it
    this.asked = 0; // when nothing was left to clear here
    deck.on('slidechanged', () => {
      this.end();
      this.draw();
    });
    hear('ink', ({ slide, strokes }) => {
      this.drawings.show(slide, strokes);
      this.draw();
    });
    hear('wipe', () => {
      this.drawings.clear();
      this.draw();
    });
    this.draw();
  }

  /** Show a slide's strokes here, and in the other windows. */
  show(slide) {
    const { stroke } = this;
    const kept = this.drawings.on(slide);
    const strokes = stroke?.slide === slide ? [...kept, stroke] : kept;
    tell({ ink: { slide, strokes } });
    if (slide === this.here()) drawInto(this.layer, strokes);
  }

  draw() {
    drawInto(this.layer, this.drawings.on(this.here()));
  }

  keep(slide) {
    try {
      if (this.drawings.isEmpty) localStorage.removeItem(KEPT);
      else localStorage.setItem(KEPT, String(this.drawings));
    } catch {
      say('This browser keeps no drawings: they end with this page.');
    }
    this.show(slide);
  }

  begin(tool, point) {
    this.stroke = { slide: this.here(), tool, points: [...point] };
    this.extend([]);
  }

  extend(points) {
    if (!this.stroke) return;
    this.stroke.points.push(...points.flat());
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      if (this.stroke) this.show(this.stroke.slide);
    });
  }

  end() {
    if (!this.stroke) return;
    const { slide, tool, points } = this.stroke;
    this.stroke = undefined;
    this.drawings.put(slide, [...this.drawings.on(slide), { tool, points }]);
    this.keep(slide);
  }

  undo() {
    const slide = this.here();
    this.drawings.undo(slide);
    this.keep(slide);
  }

  /** Clear the slide, which can be undone; where it is clear, all slides, when asked for again. */
  clear() {
    const slide = this.here();
    const isSure = Date.now() - this.asked < SURE;
    this.asked = 0;
    if (this.drawings.on(slide).length > 0) {
      this.drawings.put(slide, []);
    } else if (isSure) {
      this.drawings.clear();
      tell({ wipe: true });
      say('All drawings are gone.');
    } else if (!this.drawings.isEmpty) {
      this.asked = Date.now();
      say('Nothing is drawn here. Clear once more to clear all slides.');
    }
    this.keep(slide);
  }
}
