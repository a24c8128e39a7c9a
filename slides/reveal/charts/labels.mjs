// Finds room for the labels of a chart: for those beside its points, and at the ends of its lines.

export const RADIUS = 9; // of a point, px
export const LINE = 36; // height of a label, px

/** The width of a label, px: a generous guess at Lato's. */
const widthOf = (label) =>
  [...label].reduce((width, letter) => width + (/[A-Z]/.test(letter) ? 21 : 16), 0);

const overlap = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const contains = (box, { x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom;

/** Whether a line from a point to its label, where it has one, leads through a box beside the point. */
const crosses = ({ from, end }, box) =>
  Boolean(end) &&
  !contains(box, from) &&
  [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].some((share) =>
    contains(box, {
      x: from.x + share * (end.x - from.x),
      y: from.y + share * (end.y - from.y),
    }),
  );

/** On which side of a line from one point to another a third lies. */
const sideOf = (a, b, c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));

/** Whether the lines of two labels cross. */
const tangle = (one, other) =>
  Boolean(one.end && other.end) &&
  sideOf(one.from, one.end, other.from) !== sideOf(one.from, one.end, other.end) &&
  sideOf(other.from, other.end, one.from) !== sideOf(other.from, other.end, one.end);

/** Where a label may stand, in px from its point: beside it, else farther off at the end of a line. */
const PLACES = [
  ...[18, -18].map((right) => ({ right, down: 0, line: false })),
  ...[0, 6, -6].flatMap((right) => [-40, 40].map((down) => ({ right, down, line: false }))),
  ...[60, 90, 125, 165, 210, 260].flatMap((far) =>
    [0.8, -0.8].flatMap((down) =>
      [0.6, -0.6].map((right) => ({ right: right * far, down: down * far, line: true })),
    ),
  ),
];

/**
 * Give each point a label that covers no other label, point or line, if there is room.
 *
 * @param {{x: number, y: number, label: string, spread: number}[]} points `spread` is how far one
 *   reaches up and down
 * @param {{left: number, right: number, top: number, bottom: number}} room
 * @returns {object[]} for each `label` its box, `text` (x and anchor), and a line `from` its point
 *   to `end`, where it stands apart
 */
export function besidePoints(points, room) {
  const taken = points.map(({ x, y, spread }) => ({
    left: x - 17,
    right: x + 17,
    top: y - Math.max(12, spread),
    bottom: y + Math.max(12, spread),
  }));
  const labels = [];
  // The highest first: it is looked for first.
  for (const { x, y, label, spread } of [...points].sort((a, b) => a.y - b.y)) {
    const width = widthOf(label);
    const candidates = PLACES.map(({ right, down, line }) => {
      const away = Math.sign(down) * Math.max(0, spread - RADIUS);
      const [anchor, middle] = [x + right, y + down + (line ? 0 : away)];
      const left = anchor - (right > 0 ? 0 : right < 0 ? width : width / 2);
      const top = middle - LINE / 2;
      const end = line && { x: anchor, y: middle - Math.sign(down) * (LINE / 2) };
      // On the side of its point a label begins where it was meant to, however wide it turns out.
      const text = { x: anchor, anchor: right > 0 ? 'start' : right < 0 ? 'end' : 'middle' };
      return {
        left,
        right: left + width,
        top,
        bottom: top + LINE,
        from: { x, y },
        end,
        text,
        label,
      };
    });
    const isInside = (box) =>
      box.left >= room.left &&
      box.right <= room.right &&
      box.top >= room.top &&
      box.bottom <= room.bottom;
    const isFree = (box) =>
      isInside(box) &&
      !taken.some((other) => overlap(box, other) || crosses(box, other)) &&
      !labels.some((other) => crosses(other, box) || tangle(other, box));
    const box = candidates.find(isFree) ?? candidates[0];
    taken.push(box);
    labels.push(box);
  }
  return labels;
}

/**
 * Move labels apart that would stand closer than a line of text.
 *
 * Those that touch become a block, around where they would like to be. Without the gaps above it,
 * each label's place is the mean of its block: the nearest places that keep the order.
 *
 * @param {number[]} wishes where each would like to be
 * @param {number} lowest where the last one may be
 * @returns {number[]} where each is
 */
export function atEnds(wishes, lowest, gap = 34) {
  const order = wishes.map((_, n) => n).sort((a, b) => wishes[a] - wishes[b]);
  const places = order.map((n, above) => wishes[n] - gap * above);
  const mean = (from, to) =>
    places.slice(from, to + 1).reduce((sum, place) => sum + place, 0) / (to + 1 - from);
  const ranks = [...places.keys()];
  const most = lowest - gap * (places.length - 1);
  const fitted = ranks.map((n) =>
    Math.max(
      ...ranks
        .slice(0, n + 1)
        .map((from) => Math.min(...ranks.slice(n).map((to) => mean(from, to)))),
    ),
  );
  return wishes.map((_, n) => {
    const rank = order.indexOf(n);
    return Math.min(fitted[rank], most) + gap * rank;
  });
}
