// What is drawn on the slides of a deck. A point is a fraction of the slide's width and of its height,
// so that a drawing stays where it is in a larger window, in the speaker view and on paper.

/**
 * @typedef {object} Stroke
 * @property {string} tool
 * @property {number[]} points x and y of each, in turn
 */

const isStroke = (stroke) =>
  typeof stroke?.tool === 'string' &&
  Array.isArray(stroke.points) &&
  stroke.points.length >= 2 &&
  stroke.points.every(Number.isFinite);

/** Read what a browser has kept: strokes by slide, and nothing of what is none. */
function restore(text) {
  try {
    const kept = new Map(Object.entries(JSON.parse(text) ?? {}));
    for (const [slide, strokes] of kept) {
      const whole = Array.isArray(strokes) ? strokes.filter(isStroke) : [];
      if (whole.length > 0) kept.set(slide, whole);
      else kept.delete(slide);
    }
    return kept;
  } catch {
    return new Map();
  }
}

/** A stroke as the data of an SVG path that is round at its points. */
export function path({ points }) {
  const [x, y] = points;
  const bends = [];
  for (let n = 2; n + 3 < points.length; n += 2) {
    const [a, b, c, d] = points.slice(n, n + 4);
    bends.push(`Q${a} ${b} ${(a + c) / 2} ${(b + d) / 2}`);
  }
  return `M${x} ${y}${bends.join('')}L${points.slice(-2).join(' ')}`;
}

export class Drawings {
  /** @param {string|null} kept what `toString` has returned once */
  constructor(kept) {
    /** @type {Map<string, Stroke[]>} */
    this.slides = restore(kept);
    /** @type {Map<string, Stroke[][]>} what was on a slide before each change */
    this.before = new Map();
  }

  toString() {
    return JSON.stringify(Object.fromEntries(this.slides));
  }

  get isEmpty() {
    return this.slides.size === 0;
  }

  /** @returns {Stroke[]} */
  on(slide) {
    return this.slides.get(slide) ?? [];
  }

  /** Show what another window has on a slide; what was there before would take its strokes away. */
  show(slide, strokes) {
    this.before.delete(slide);
    this.set(slide, strokes);
  }

  set(slide, strokes) {
    if (strokes.length > 0) this.slides.set(slide, strokes);
    else this.slides.delete(slide);
  }

  /** Put other strokes onto a slide, which can be undone. */
  put(slide, strokes) {
    this.before.set(slide, [...(this.before.get(slide) ?? []), this.on(slide)]);
    this.set(slide, strokes);
  }

  /** Take back the last change of a slide, or the last stroke of an earlier hour. */
  undo(slide) {
    this.set(slide, this.before.get(slide)?.pop() ?? this.on(slide).slice(0, -1));
  }

  clear() {
    this.slides.clear();
    this.before.clear();
  }
}
