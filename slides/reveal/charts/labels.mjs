// Finds room for the labels of a chart: for those beside its points, and at the ends of its lines.

export const RADIUS = 9; // of a point, px
export const LINE = 36; // height of a label, px
const NEARER = 12; // px that a label is nearer to its own point than to any other

/** The width of a label, px: a generous guess at Lato's. */
const widthOf = (label) =>
  [...label].reduce((width, letter) => width + (/[A-Z]/.test(letter) ? 24 : 17), 0);

const overlap = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const contains = (box, { x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom;

/** How far a place is from a box, px. */
const distance = ({ left, right, top, bottom }, { x, y }) =>
  Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));

// Of a line that is checked: it may begin among points that lie close together.
const SHARES = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** Whether a line from a point to its label, where it has one, leads through a box beside the point. */
const crosses = ({ from, end }, box) =>
  end &&
  !contains(box, from) &&
  SHARES.map((share) => ({
    x: from.x + share * (end.x - from.x),
    y: from.y + share * (end.y - from.y),
  })).some((place) => contains(box, place));

/** On which side of a line from one point to another a third lies. */
const sideOf = (a, b, c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));

/** Whether the lines of two labels cross. */
const tangle = ({ from: a, end: b }, { from: c, end: d }) =>
  b && d && sideOf(a, b, c) !== sideOf(a, b, d) && sideOf(c, d, a) !== sideOf(c, d, b);

/** Where a label may stand, in px from its point: beside it, else farther off at the end of a line. */
const PLACES = [
  ...[23, -23].map((right) => ({ right, down: 0, line: false })),
  ...[0, 6, -6].flatMap((right) => [-40, 40].map((down) => ({ right, down, line: false }))),
  ...[60, 90, 125, 165, 210, 260].flatMap((far) =>
    [0.8, -0.8].flatMap((down) =>
      [0.6, -0.6].map((right) => ({ right: right * far, down: down * far, line: true })),
    ),
  ),
];

/** The box of a label in one of its places, where its text begins, and its line, if it has one. */
function boxAt({ right, down, line }, { x, y, label, spread }) {
  const width = widthOf(label);
  const away = Math.sign(down) * Math.max(0, spread - RADIUS);
  const [anchor, middle] = [x + right, y + down + (line ? 0 : away)];
  const left = anchor - (right > 0 ? 0 : right < 0 ? width : width / 2);
  const top = middle - LINE / 2;
  const end = line && { x: anchor, y: middle - Math.sign(down) * (LINE / 2) };
  // On the side of its point a label begins where it was meant to, however wide it turns out.
  const text = { x: anchor, anchor: right > 0 ? 'start' : right < 0 ? 'end' : 'middle' };
  return { left, right: left + width, top, bottom: top + LINE, from: { x, y }, end, text, label };
}

/** How good a label's place is, less for a better one: without room, at the end of a line, beside. */
const cost = ({ isFree, end, from }) =>
  (isFree ? 0 : 1e6) + (end ? 1000 + Math.hypot(end.x - from.x, end.y - from.y) : 0);

/** Give points their labels, one after the other, each the first of its places that is free. */
function inOrder(points, room) {
  const taken = points.map(({ x, y, spread }) => {
    const reach = Math.max(12, spread);
    return { left: x - 22, right: x + 22, top: y - reach, bottom: y + reach };
  });
  const labels = [];
  const isInside = ({ left, right, top, bottom }) =>
    left >= room.left && right <= room.right && top >= room.top && bottom <= room.bottom;
  // Without a line, a label is taken for that of the nearest point.
  const isTold = (box, own) =>
    box.end ||
    points.every((each) => each === own || distance(box, each) > distance(box, own) + NEARER);
  const isFree = (box, own) =>
    isInside(box) &&
    isTold(box, own) &&
    !taken.some((other) => overlap(box, other) || crosses(box, other)) &&
    !labels.some((other) => crosses(other, box) || tangle(other, box));
  for (const point of points) {
    const boxes = PLACES.map((place) => boxAt(place, point));
    const free = boxes.find((each) => isFree(each, point));
    const box = { ...(free ?? boxes[0]), isFree: free !== undefined, point };
    taken.push(box);
    labels.push(box);
  }
  return labels;
}

/**
 * Give each point a label that covers no other label, point or line, if there is room.
 *
 * The highest comes first, because it is looked for first. Whose label stands badly then comes
 * before the others, a few times over, and the best of all layouts is kept.
 *
 * @param {{x: number, y: number, label: string, spread: number}[]} points `spread` is how far one
 *   reaches up and down
 * @param {{left: number, right: number, top: number, bottom: number}} room
 * @returns {object[]} the labels, from the highest point down
 */
export function besidePoints(points, room) {
  const total = (labels) => labels.reduce((sum, label) => sum + cost(label), 0);
  let order = [...points].sort((a, b) => a.y - b.y);
  let best = inOrder(order, room);
  for (let n = 0, labels = best; n < 2 * points.length && total(labels) > 0; n += 1) {
    const worst = labels.reduce((a, b) => (cost(b) > cost(a) ? b : a)).point;
    order = [worst, ...order.filter((point) => point !== worst)];
    labels = inOrder(order, room);
    if (total(labels) < total(best)) best = labels;
  }
  return best.sort((a, b) => a.from.y - b.from.y);
}

/**
 * Move labels apart that would stand closer than a line of text, in their order. Those that touch
 * become a block, around where they would like to be: the nearest places that there are.
 *
 * @param {number[]} wishes where each would like to be
 * @param {number} lowest where the last one may be
 * @returns {number[]} where each is
 */
export function atEnds(wishes, lowest, gap = 34) {
  const order = wishes.map((_, n) => n).sort((a, b) => wishes[a] - wishes[b]);
  const ranks = [...order.keys()];
  // Without the gaps above them, the labels of a block have one place, the mean of their own.
  const own = ranks.map((rank) => wishes[order[rank]] - gap * rank);
  const mean = (from, to) =>
    own.slice(from, to + 1).reduce((sum, place) => sum + place, 0) / (to + 1 - from);
  const upTo = (rank, from) => Math.min(...ranks.slice(rank).map((to) => mean(from, to)));
  const most = lowest - gap * (own.length - 1);
  const places = ranks.map((rank) => {
    const block = Math.max(...ranks.slice(0, rank + 1).map((from) => upTo(rank, from)));
    return Math.min(block, most) + gap * rank;
  });
  return wishes.map((_, n) => places[order.indexOf(n)]);
}
