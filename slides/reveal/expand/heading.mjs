// What a slide says in words, from the page that it becomes: its heading names the slide, and a deck
// that has no title.

import { load } from '../project.mjs';
import { NOTES } from './marks.mjs';

const { decodeHTML } = await load('entities');
// The page reads Markdown by the same function.
const { default: plugin } = await load('reveal.js/plugin/markdown/markdown.esm.js');
const { marked } = plugin();

const HEADING = /<h([1-6])\b[^>]*>(.*?)<\/h\1>/s;
const ASIDES = /<!--.*?-->|<(pre|style|svg)\b.*?<\/\1>/gs;

/** A slide as HTML, without notes, comments, listings and drawings. */
const render = (slide) => marked.parse(slide.split(NOTES)[0]).replace(ASIDES, '');

const wordsOf = (html) => decodeHTML(html.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ')).trim();

/** The first heading of a slide; undefined without one. */
export function headingOf(slide) {
  const [, , heading] = HEADING.exec(render(slide)) ?? [];
  return heading && wordsOf(heading);
}

/** The lines of a slide below its heading. */
export const linesBelow = (slide) =>
  render(slide).replace(HEADING, '').split('\n').map(wordsOf).filter(Boolean);

/**
 * The title of a deck: that of its front matter, or else the heading of its first slide, or its name.
 *
 * @param {{title?: unknown, file: string}} deck
 * @param {string} [slide] the first that is shown, filled in
 */
export const titleOf = ({ title, file }, slide = '') =>
  title || headingOf(slide) || file.replace(/^slides\/|\.md$/g, '');
