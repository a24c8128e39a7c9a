// Runs in a page with a deck and axe-core, and uses nothing but what is in it: lists what keeps somebody
// from a slide who cannot see it well, or does not use a mouse.

/**
 * Read each slide at its last step that shows a kind of element which none before it has, and then
 * the page around them: on a phone that is every slide. The lines of a listing that a step does not
 * speak of are dimmed on purpose; inspect.js reads their colors undimmed.
 *
 * @returns {Promise<{place?: string, kind: string, subject: string, said: string}[]>} what axe-core
 *   calls serious or critical, on the slide or, without a place, around them
 */
export default async function findBarriers() {
  const { axe } = /** @type {any} */ (globalThis);
  const options = { resultTypes: ['violations'], elementRef: true };
  const found = [];
  const run = async (context) => {
    const { violations } = await axe.run(context, options);
    for (const { impact, id, help, nodes } of violations) {
      if (!['serious', 'critical'].includes(impact)) continue;
      // A page that is scrolled as a whole is scrolled by the keyboard, too: one of words alone.
      const told = nodes.filter(({ element }) => element !== document.body);
      for (const { element, html } of told.slice(0, 3)) {
        const place = element?.closest('section[data-place]')?.dataset.place;
        const subject = html.length > 80 ? `${html.slice(0, 80)} …` : html;
        found.push({ place, kind: id, subject, said: `keeps people out: ${help} (axe: ${id})` });
      }
    }
  };
  if (!document.querySelector('.scroll-page')) {
    // axe-core reads the whole page for each slide, so it has no other one to read meanwhile.
    const contents = new Map(Reveal.getSlides().map((slide) => [slide, [...slide.childNodes]]));
    const known = new Set();
    const kind = (element) => {
      const names = element.getAttributeNames().filter((name) => !/^(d|x|y|id|style)$/.test(name));
      return [element.localName, element.getAttribute('class'), ...names].join();
    };
    const isNew = (slide) => {
      const kinds = new Set([...slide.querySelectorAll('*')].map(kind));
      const before = known.size;
      kinds.forEach((each) => known.add(each));
      return known.size > before;
    };
    const toRead = new Set(Reveal.getSlides().filter(isNew));
    for (const slide of contents.keys()) slide.replaceChildren();
    for (const [slide, content] of contents) {
      if (!toRead.has(slide)) continue;
      slide.replaceChildren(...content);
      const { h, v } = Reveal.getIndices(slide);
      Reveal.slide(h, v, 99);
      await run({ include: slide, exclude: ['.hljs tr:not(.highlight-line)'] });
      slide.replaceChildren();
    }
    for (const [slide, content] of contents) slide.replaceChildren(...content);
  }
  await run({ include: document, exclude: ['.hljs'] });
  return found;
}
