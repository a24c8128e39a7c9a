// Lays a deck out as a handout: each slide small, with its notes beside it, two or three a page. The
// edition for students lacks the answers to the questions in the notes, and the minutes.

import fs from 'node:fs';

const STYLE = new URL('handout.css', import.meta.url);

/** Runs in the page: puts each printed slide into a row with its notes. */
function arrange(title) {
  const pages = [...document.querySelectorAll('.pdf-page')];
  const heading = Object.assign(document.createElement('h1'), { textContent: title });
  const rows = pages.map((page) => {
    const row = Object.assign(document.createElement('article'), { className: 'handout-row' });
    const picture = Object.assign(document.createElement('div'), { className: 'handout-slide' });
    const notes = Object.assign(document.createElement('div'), { className: 'handout-notes' });
    const aside = page.querySelector('aside.notes');
    if (aside) notes.append(...aside.childNodes);
    picture.append(page);
    row.append(picture, notes);
    return row;
  });
  const handout = Object.assign(document.createElement('main'), { className: 'handout' });
  handout.append(heading, ...rows);
  // Among the slides, so that the theme's rules for what is on a slide still hold.
  document.querySelector('.reveal .slides')?.replaceChildren(handout);
}

/** Runs in the page: leaves out the minutes, and each "Answer:" with the rest of its paragraph. */
function leaveOut() {
  for (const notes of document.querySelectorAll('.handout-notes')) {
    const first = notes.querySelector('p');
    if (first) first.innerHTML = first.innerHTML.replace(/^\s*\d+ minutes?\b\.?\s*/, '');
    if (first?.textContent === '') first.remove();
    for (const paragraph of notes.querySelectorAll('p, li')) {
      const texts = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const at = texts.currentNode.nodeValue?.search(/\bAnswer:/) ?? -1;
        if (at < 0) continue;
        const answer = document.createRange();
        answer.setStart(texts.currentNode, at);
        answer.setEnd(paragraph, paragraph.childNodes.length);
        answer.deleteContents();
        break;
      }
    }
  }
}

/** Turn the lecturer's edition, which a page shows, into the students'. */
export const leaveOutAnswers = (page) => page.evaluate(leaveOut);

/**
 * Turn a page that shows a deck in reveal.js' print view into a handout.
 *
 * @param {import('playwright-core').Page} page as large as one slide
 * @param {string} title stands on the first page, and at the foot of each
 */
export async function layOutHandout(page, title) {
  const { width = 0, height = 0 } = page.viewportSize() ?? {};
  await page.evaluate(arrange, title);
  await page.addStyleTag({
    content: `
      :root { --vw: ${width / 100}px; --vh: ${height / 100}px; }
      .handout { --width: ${width}; --height: ${height}; }
      @page { @bottom-left { content: ${JSON.stringify(title)}; } }
      ${fs.readFileSync(STYLE, 'utf8')}`,
  });
}
