// Draws a listing in Mermaid as an SVG, when a page is made: no script in the page, and no browser.

import fs from 'node:fs';
import path from 'node:path';

import { figure } from './figure.mjs';
import { escapeText } from '../html.mjs';
import { anyOf, LISTING } from './links.mjs';
import { listDecks, root } from '../project.mjs';

const IN_MERMAID = /^ {0,3}(?:`{3,}|~{3,})[ \t]*mermaid\b/;
const ANYWHERE = new RegExp(IN_MERMAID, 'm');
const LISTINGS = anyOf([LISTING]);
// What Mermaid itself takes for the words of a picture.
const TITLE = /^\s*accTitle:\s*(.*?)\s*$/m;
const FLOW = /^\s*(?:graph|flowchart)\b/;
// How Mermaid may be written, and what draws it does not read: `graph LR;`, `A-->B`.
const FIRST_LINE = /^(\s*(?:graph|flowchart)[ \t]+\w+)[ \t]*;/;
const NO_BLANK = /(?<=[\w\])}"])(?=(?:--|==|-\.|<--))/g;
const LABEL = /"[^"]*"|\|[^|]*\||[[({][^[\](){}]*[\])}]/g;
const WORDS_ON_LINK = /(?:--|==|-\.)\s+[^-=.]+\s+(?=--|==|\.-)/g;
const LINK = /<?(?:--+|==+|\.?-\.*-)[>ox]?|~~~/g;

// A width of one, in letters of the slide: 13 make the height of a letter, which may be a little larger.
const LETTER = 1.15 / 13;

/** @type {typeof import('beautiful-mermaid')|undefined} */
let mermaid;

/** Load what draws, half a second long, if there is something to draw in one of these texts. */
export async function prepareDiagrams(...texts) {
  if (mermaid || !texts.some((text) => ANYWHERE.test(text))) return;
  // Where it is not installed, its slide says so.
  mermaid = await import('beautiful-mermaid').catch(() => undefined);
}

/** The same for all decks; who cannot read one will hear it from others. */
export const prepareAllDiagrams = () =>
  prepareDiagrams(
    ...listDecks().map((name) => {
      try {
        return fs.readFileSync(path.join(root, 'slides', `${name}.md`), 'utf8');
      } catch {
        return '';
      }
    }),
  );

/** Throw an Error, with the lines `below` the opening one, for the first line of a flowchart of which something would be missing. */
function checkFlow(source, parse) {
  const open = [];
  source.split('\n').forEach((line, n) => {
    let bare = line;
    for (let last = ''; last !== bare;) [last, bare] = [bare, bare.replace(LABEL, '')];
    const links = bare.replace(WORDS_ON_LINK, '').match(LINK)?.length ?? 0;
    if (/[[({]/.test(bare) || (links > 0 && parse(`graph LR\n${line}`).edges.length < links))
      throw Object.assign(new Error(`this line cannot be drawn: ${line.trim()}`), { below: n + 1 });
    if (/^\s*subgraph\b/.test(line)) open.push(n);
    else if (/^\s*end\s*$/.test(line)) open.pop();
  });
  if (open.length > 0)
    throw Object.assign(new Error('no line that says end closes this subgraph'), {
      below: open[0] + 1,
    });
}

/**
 * Return a diagram as HTML on one line. Its colors and its font are in the theme.
 *
 * @param {string} source Mermaid
 * @param {string} prefix makes its ids unique in the page
 * @throws {Error} when it cannot be drawn, or does not say what it shows
 */
export function diagram(source, prefix) {
  if (!mermaid) throw new Error('beautiful-mermaid is not installed: run npm ci');
  const title = TITLE.exec(source)?.[1];
  if (!title) throw new Error('say what the diagram shows: accTitle: … on a line of its own');
  const readable = source.replace(TITLE, '').replace(FIRST_LINE, '$1').replace(NO_BLANK, ' ');
  if (FLOW.test(source)) checkFlow(readable, mermaid.parseMermaid);
  const svg = mermaid.renderMermaidSVG(readable.trim(), { transparent: true, padding: 2 });
  if (/<g class="subgraph"[^>]*>\s*<rect[^>]* width="0"/.test(svg))
    throw new Error('write the nodes of a subgraph inside of it, before what leads to them');
  return figure(
    svg
      // Its own asks for a font of the Web.
      .replace(/<style>[^]*?<\/style>/, `<title>${escapeText(title)}</title>`)
      .replace(/(<svg[^>]*? width="([\d.]+)"[^>]*?) style="[^"]*"/, (_, tag, width) => {
        return `${tag} class="diagram" style="max-width: ${(LETTER * width).toFixed(1)}em"`;
      }),
    { stepped: false, prefix },
  );
}

/**
 * Replace each listing in Mermaid.
 *
 * @param {string} text of a slide
 * @param {(opening: string, source: string, listing: string) => string} draw gets its first line, what
 *   stands between that and its last, and all of it
 */
export const replaceDiagrams = (text, draw) =>
  text.replace(LISTINGS, (listing) => {
    if (!IN_MERMAID.test(listing)) return listing;
    const [opening, ...source] = listing.split('\n');
    return draw(opening.trim(), source.slice(0, -1).join('\n'), listing);
  });
