// Puts an SVG into the page itself, so that its parts can be stepped and asked for what they are.
//
// Inline, the same drawing serves the screen, a phone and paper: sharp at any size, its text found
// by a search and read aloud, and nothing more to load. The PNG beside it is for places that take
// no SVG.

import { asAttribute } from '../html.mjs';

// The drawing's own title comes before its first group; an operation's inside of one.
const TITLE = /^<svg[^>]*>(?:(?!<g[\s>]).)*?<title[^>]*>(.*?)<\/title>/;
const OPERATION = /<g[^>]*\sclass="(?:[^"]*\s)?op(?:\s[^"]*)?"[^>]*>/;

/** Return an element's opening tag with attributes set, or removed where the value is undefined. */
function withAttributes(tag, attributes) {
  let changed = tag;
  for (const [name, value] of Object.entries(attributes)) {
    changed = changed.replace(new RegExp(`\\s${name}\\s*=\\s*("[^"]*"|'[^']*')`), '');
    if (value !== undefined) changed = changed.replace(/(?=\s*\/?>$)/, ` ${name}="${value}"`);
  }
  return changed;
}

const attribute = (tag, name) =>
  new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag)?.slice(1).find(Boolean);

/** Return the element of a file, on one line. Throws an Error where it is none or holds a script. */
function cutOut(source) {
  const start = source.search(/<svg[\s>]/);
  const end = source.lastIndexOf('</svg>');
  if (start < 0 || end < start) throw new Error('there is no <svg> element in it');
  const svg = source
    .slice(start, end + '</svg>'.length)
    .replace(/<!--.*?-->/gs, '')
    .replace(/\s*\n\s*/g, ' ');
  if (/<script|\son\w+\s*=|<foreignObject/i.test(svg)) {
    throw new Error('a figure holds no script, event handler or foreignObject');
  }
  return svg;
}

/** Make the parts of a drawing steps of its slide. Throws an Error where there are none. */
function withSteps(svg) {
  if (!/<g[^>]*\sdata-step=/.test(svg)) throw new Error('it has no <g data-step="…"> to step');
  return svg.replace(/<g[^>]*\sdata-step=[^>]*>/g, (tag) =>
    withAttributes(tag, {
      class: [attribute(tag, 'class'), 'fragment'].filter(Boolean).join(' '),
      'data-fragment-index': attribute(tag, 'data-step'),
    }),
  );
}

/**
 * Return a drawing as HTML on one line, which Markdown keeps as it is.
 *
 * Its operations, `<g class="op">`, lose their `<title>`, which a browser shows small and late, to
 * an `aria-label` that the page's script shows below the figure. One of them is a stop of the Tab
 * key; the script moves that stop about with the arrow keys.
 *
 * @param {string} source SVG, as a file holds it
 * @param {object} options
 * @param {boolean} options.stepped whether each `<g data-step="k">` comes as a step of the slide
 * @param {string} options.prefix makes the drawing's ids unique in the page
 * @returns {string} HTML
 * @throws {Error} when it is no SVG, holds a script, has no title or nothing to step
 */
export function figure(source, { stepped, prefix }) {
  let svg = cutOut(source);
  const title = TITLE.exec(svg)?.[1];
  if (!title?.trim()) throw new Error('it has no <title> that says what it shows');
  svg = svg.replace(/<title[^>]*>.*?<\/title>/, '');
  // What is inside of an image cannot be asked for, so one with operations is a group.
  const hasOps = OPERATION.test(svg);
  const description = /<desc[^>]*>/.exec(svg)?.[0];
  const described = description && (attribute(description, 'id') ?? 'description');
  if (description) svg = svg.replace(description, withAttributes(description, { id: described }));
  svg = svg.replace(/^<svg[^>]*>/, (tag) =>
    withAttributes(tag, {
      width: undefined,
      height: undefined,
      role: hasOps ? 'group' : 'img',
      'aria-labelledby': undefined,
      'aria-label': asAttribute(title),
      'aria-describedby': described,
    }),
  );

  let stops = 0;
  svg = svg.replace(
    new RegExp(`(${OPERATION.source})\\s*<title[^>]*>(.*?)</title>`, 'g'),
    (match, tag, said) => {
      stops += 1;
      return withAttributes(tag, {
        role: 'img',
        tabindex: stops === 1 ? 0 : -1,
        'aria-label': asAttribute(said),
      });
    },
  );

  if (stepped) svg = withSteps(svg);
  svg = svg
    .replace(/\sid\s*=\s*(["'])([^"']+)\1/g, ` id="${prefix}$2"`)
    .replace(/((?:xlink:)?href=["']#|url\(#|aria-(?:describedby|labelledby)=")/g, `$1${prefix}`);
  const caption = hasOps ? '<figcaption aria-hidden="true"></figcaption>' : '';
  // A phone moves a drawing sideways, so the keyboard must reach it, too.
  const reach = hasOps ? '' : ' tabindex="0"';
  return `<figure class="drawing"${reach}>${svg}${caption}</figure>`;
}
