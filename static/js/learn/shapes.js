// Ten kinds of shapes, drawn in the page: the twin of lab.shapes. A seed draws here what it draws in
// Python, but for the last bit of a pixel in thousands.

import { Random } from './random.js';

const SIDE = 32; // pixels
const PLANE = SIDE * SIDE;
export const BATCH = 500; // images drawn at a time, as in Python
const GRID = 5; // random colors a side that make a background uneven
const SLOPE = Math.sqrt(3) / 2;

const { abs, cos, max, min, sin } = Math;
const hypot = (p, q) => Math.sqrt(p * p + q * q); // Math.hypot takes ten times as long

/** Each shape of a point in its own frame: positive inside, near its edge the distance to it. */
export const SHAPES = {
  disc: (p, q) => 1 - hypot(p, q),
  ring: (p, q) => 0.18 - abs(hypot(p, q) - 0.8),
  square: (p, q) => 0.8 - max(abs(p), abs(q)),
  triangle: (p, q) => 0.5 - max(0.5 * q - SLOPE * p, 0.5 * q + SLOPE * p, -q),
  cross: (p, q) => min(0.28 - min(abs(p), abs(q)), 0.95 - max(abs(p), abs(q))),
  star: (p, q) => 0.6 + 0.35 * cos(5 * Math.atan2(q, p)) - hypot(p, q),
  stripes: (p, q) => min(0.95 - hypot(p, q), 0.4 * sin(7 * p + 1.3)),
  checks: (p, q) => min(0.95 - hypot(p, q), 0.8 * sin(7 * p) * sin(7 * q)),
  crescent: (p, q) => min(1 - hypot(p, q), hypot(p - 0.5, q) - 0.75),
  frame: (p, q) => 0.17 - abs(max(abs(p), abs(q)) - 0.72),
};
const FUNCTIONS = Object.values(SHAPES);
const AXIS = Float32Array.from({ length: SIDE }, (_, n) => ((n + 0.5) / SIDE) * 2 - 1);

/** Which two colors of the grid a pixel of a row lies between, and how near to the second. */
const BETWEEN = Array.from({ length: SIDE }, (_, n) => {
  const at = max(((n + 0.5) * GRID) / SIDE - 0.5, 0);
  const first = Math.floor(at);
  return { first, second: min(first + 1, GRID - 1), share: at - first };
});

/** Draw everything random in a batch, in Python's order. @param {Random} random */
function drawNumbers(random) {
  const each = (low, high, count = 1) => random.uniform(BATCH * count, low, high);
  return {
    centerX: each(-0.35, 0.35),
    centerY: each(-0.35, 0.35),
    radius: each(0.42, 0.77),
    angle: each(0, 2 * Math.PI),
    ground: each(0.25, 0.75, 3),
    grid: each(-0.2, 0.2, 3 * GRID * GRID),
    hue: random.normal(BATCH),
    strength: each(0.6, 1),
    barred: each(0, 1),
    level: each(0, 1),
    place: each(-1, 1),
    halfWidth: each(0.06, 0.16),
    bar: each(0, 1, 3),
    noise: random.normal(BATCH * 3 * PLANE),
  };
}

/** How much of each pixel the shape covers. */
function cover(numbers, n) {
  const shape = FUNCTIONS[n % FUNCTIONS.length];
  const radius = numbers.radius[n];
  const [across, along] = [cos(numbers.angle[n]), sin(numbers.angle[n])];
  const coverage = new Float32Array(PLANE);
  for (let y = 0, at = 0; y < SIDE; y += 1) {
    const v = (AXIS[y] - numbers.centerY[n]) / radius;
    for (let x = 0; x < SIDE; x += 1, at += 1) {
      const u = (AXIS[x] - numbers.centerX[n]) / radius;
      const inside = shape(across * u + along * v, across * v - along * u);
      coverage[at] = 1 / (1 + Math.exp(-inside * radius * (SIDE / 1.2)));
    }
  }
  return coverage;
}

/** The uneven background of one channel, at a pixel. */
function background(grid, from, x, y) {
  const [across, down] = [BETWEEN[x], BETWEEN[y]];
  const row = (line) => {
    const start = from + line * GRID;
    return (
      (1 - across.share) * grid[start + across.first] + across.share * grid[start + across.second]
    );
  };
  return (1 - down.share) * row(down.first) + down.share * row(down.second);
}

/** Draw one channel of one image. */
function drawChannel(images, numbers, n, channel, coverage) {
  const at = 3 * n + channel;
  const ground = numbers.ground[at];
  const hue = (n % FUNCTIONS.length) / FUNCTIONS.length + 0.12 * numbers.hue[n];
  const color = 0.5 + 0.5 * cos(2 * Math.PI * (hue + channel / 3));
  const paint = (color - ground) * numbers.strength[n];
  const isBarred = numbers.barred[n] < 0.3;
  const isLevel = numbers.level[n] < 0.5;
  for (let y = 0, pixel = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1, pixel += 1) {
      const across = isLevel ? AXIS[y] : AXIS[x];
      const isBar = isBarred && abs(across - numbers.place[n]) < numbers.halfWidth[n];
      const uneven = ground + background(numbers.grid, at * GRID * GRID, x, y);
      const value = isBar ? numbers.bar[at] : uneven + paint * coverage[pixel];
      const noisy = value + 0.05 * numbers.noise[at * PLANE + pixel];
      images[at * PLANE + pixel] = Math.trunc(min(max(noisy * 255, 0), 255));
    }
  }
}

/**
 * Draw shapes, 500 at a time.
 *
 * @param {number} seed of everything random in them
 * @returns {Generator<Uint8Array, never>} images, 500 x 3 x 32 x 32; their classes are 0, 1, … 9, 0, …
 */
export function* drawShapes(seed) {
  const random = new Random(seed);
  for (;;) {
    const numbers = drawNumbers(random);
    const images = new Uint8Array(BATCH * 3 * PLANE);
    for (let n = 0; n < BATCH; n += 1) {
      const coverage = cover(numbers, n);
      for (let c = 0; c < 3; c += 1) drawChannel(images, numbers, n, c, coverage);
    }
    yield images;
  }
}
