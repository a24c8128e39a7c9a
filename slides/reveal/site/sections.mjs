// What a lesson's page adds to its cells: each heading has an address, and they are listed.

/**
 * Give each heading of a page an address, to which its own text leads.
 *
 * @param {string} html whose headings have no ids
 * @param {string[]} taken ids that the page has elsewhere
 * @returns {{html: string, contents: {id: string, title: string}[]}} `contents` are those of level 2
 */
export function withSections(html, taken = []) {
  const ids = new Set(taken);
  const contents = [];
  const body = html.replace(/<h([2-6])>(.*?)<\/h\1>/gs, (_, level, written) => {
    const title = written.replace(/<\/?a\b[^>]*>/g, ''); // no link in a link
    const words = title
      .replace(/<[^>]*>|&\w+;/g, ' ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu);
    const name = words?.join('-') ?? 'section';
    let id = name;
    for (let n = 2; ids.has(id); n += 1) id = `${name}-${n}`;
    ids.add(id);
    if (level === '2') contents.push({ id, title });
    return `<h${level} id="${id}"><a href="#${id}">${title}</a></h${level}>`;
  });
  return { html: body, contents };
}

/** Mark code in a text that a line of a small window has no room for: other code is not broken. */
export const withLongCode = (html) => html.replace(/<code>(?=[^<]{50})/g, '<code class="long">');
