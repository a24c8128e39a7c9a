// Runs in a page with a deck and axe-core, and uses nothing but what is in it: lists what keeps somebody
// from a slide who cannot see it well, or does not use a mouse.

/**
 * Read what the page shows: on a phone that is every slide, on a screen one and what is around them.
 * The lines of a listing that a step does not speak of are dimmed on purpose; inspect.js reads their
 * colors undimmed.
 *
 * @returns {Promise<{place?: string, kind: string, subject: string, said: string}[]>} what axe-core
 *   calls serious or critical, on the slide or, without a place, around them
 */
export default async function findBarriers() {
  const { axe } = /** @type {any} */ (globalThis);
  const options = { resultTypes: ['violations'], elementRef: true };
  const found = [];
  const context = { include: document, exclude: ['.hljs'] };
  // axe-core spends time on all that is in the page, even on what it is told to leave out: the steps of
  // listings, and the slides that are not shown, are taken out meanwhile.
  const shown = Reveal.getCurrentSlide();
  const others = [...document.querySelectorAll('.reveal .slides section:not(.stack)')];
  const unread = [
    ...document.querySelectorAll('.hljs.fragment'),
    ...(Reveal.isScrollView() ? [] : others.filter((each) => each !== shown)),
  ];
  const contents = new Map(unread.map((element) => [element, [...element.childNodes]]));
  for (const element of unread) element.replaceChildren();
  const { violations } = await axe.run(context, options);
  for (const [element, content] of contents) element.replaceChildren(...content);
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
  return found;
}
