// What every chart is made of: round marks along its axes, a grid, the frame, and a table beside it.

import { show } from '../expand/values.mjs';

/** A coordinate, as exact as an eye is. */
export const at = (number) => number.toFixed(1);

/** Write a value without zeros behind its point: there is little room in a chart. */
export const brief = (value, format) =>
  show(value, format).replace(/\.0+(?!\d)|(?<=\.\d*[1-9])0+(?!\d)/, '');

/** Write a round share of one, however small the steps are. */
export const mark = (share) => brief(share, 'percent 3');

/** Round steps of 1, 2 or 5 times a power of ten that cut `low` to `high` into at most `most` parts. */
export function ticks(low, high, most = 5) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const fits = (factor) => span / (factor * power) <= most;
  const step = power * ([1, 2, 5].find(fits) ?? 10);
  const from = Math.floor(low / step + 1e-9);
  const to = Math.max(Math.ceil(high / step - 1e-9), from + 1); // one mark alone is no scale
  return Array.from({ length: to - from + 1 }, (_, i) =>
    Number(((from + i) * step).toPrecision(12)),
  );
}

/** Return where a value lies between two edges. */
function scale({ marks, low = marks[0], high = marks.at(-1), isLog = false }, from, to) {
  const place = (value) => (isLog ? Math.log(value / low) : value - low);
  return (value) => from + ((to - from) * place(value)) / place(high);
}

/**
 * Lay out the axes of a chart: each with its marks, `write` for what stands there, `low` and `high`
 * where it does not begin and end at them, and `isLog`, which has a line at each mark as `up` has.
 *
 * @returns {{x: (value: number) => number, y: (value: number) => number, grid: string[]}}
 */
export function axes({ left, right, top, bottom }, across, up) {
  const [x, y] = [scale(across, left, right), scale(up, bottom, top)];
  const line = (path) => `<path class="grid" d="${path}"/>`;
  const word = (edge, base, anchor, said) =>
    `<text x="${edge}" y="${base}" text-anchor="${anchor}">${said}</text>`;
  const grid = [
    ...up.marks.flatMap((value) => [
      line(`M${left} ${at(y(value))}H${right}`),
      word(left - 14, at(y(value) + 10), 'end', up.write(value)),
    ]),
    ...across.marks.flatMap((value) => [
      across.isLog ? line(`M${at(x(value))} ${top}V${bottom}`) : '',
      word(at(x(value)), bottom + 40, 'middle', across.write(value)),
    ]),
  ];
  return { x, y, grid };
}

/** Frame a drawing, with its title over it; `said` are attributes for who hears it. */
export const svg = ({ name = '', width, height }, title, said, parts) =>
  `<svg${name && ` class="${name}"`} viewBox="0 0 ${width} ${height}" preserveAspectRatio="xMinYMin" ${said}>` +
  `<text class="title" x="0" y="28">${title}</text>${parts.join('')}</svg>`;

/** Write HTML without blank lines, so that Markdown keeps it. */
export const box = (kind, parts) => [`<div class="${kind}">`, ...parts, '</div>'].join('\n');

/**
 * Set a chart beside a table that says the same to who cannot see it.
 *
 * @param {string} kind its classes
 * @param {string} title of the chart
 * @param {{width: number, height: number, right: number, axis: string, parts: string[]}} chart
 * @param {{caption: string, heads: string[], rows: {cells: (string | number)[], step?: number}[]}}
 *   table a row may come as a step of the slide
 */
export function withTable(kind, title, { width, height, right, axis, parts }, table) {
  const { caption, heads, rows } = table;
  const name = `<text x="${right}" y="${height - 6}" text-anchor="end">${axis}</text>`;
  const columns = heads.map(
    (head, n) => `<th scope="col"${n ? ' class="count"' : ''}>${head}</th>`,
  );
  return box(kind, [
    svg({ width, height }, title, 'aria-hidden="true"', [name, ...parts]),
    '<table>',
    `<caption>${caption}</caption>`,
    `<thead><tr>${columns.join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map(
      ({ cells: [first, ...cells], step }) =>
        `<tr${fragment(step)}><th scope="row">${first}</th>` +
        `${cells.map((cell) => `<td class="count">${cell}</td>`).join('')}</tr>`,
    ),
    '</tbody>',
    '</table>',
  ]);
}

/** What makes an element a step of its slide; nothing for the first, which is there at once. */
export const fragment = (step) => (step ? ` class="fragment" data-fragment-index="${step}"` : '');
