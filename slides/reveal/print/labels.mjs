// Gives the pages of a PDF the numbers that their slides have on the screen, such as 3.2, which
// Chromium cannot do. A PDF may be changed by what is added at its end: here, its first object again,
// with labels. A library that writes any PDF would be a megabyte for that.

/** A text as a string of PDF. */
const quote = (text) => `(${text.replace(/[\\()]/g, '\\$&')})`;

/**
 * Label the pages of a PDF that Chromium has printed.
 *
 * @param {Buffer} pdf
 * @param {string[]} labels one a page; an empty one becomes the page's number
 * @returns {Buffer} the PDF as it was where nothing has a label, or where it is built in another way
 */
export function labelPages(pdf, labels) {
  const text = pdf.toString('latin1');
  const end = /\ntrailer\s*<<((?:(?!>>)[^])*)>>\s*startxref\s+(\d+)\s+%%EOF\s*$/.exec(text);
  const root = /\/Root (\d+) 0 R/.exec(end?.[1] ?? '')?.[1];
  const catalog = new RegExp(`\\n${root} 0 obj\\s*<<((?:(?!endobj)[^])*)>>\\s*endobj`).exec(text);
  if (!end || !catalog || labels.every((label) => label === '')) return pdf;
  const numbers = labels.map((label, n) => `${n} <</P ${quote(label || String(n + 1))}>>`);
  const object = `${root} 0 obj\n<<${catalog[1]}\n/PageLabels <</Nums [${numbers.join(' ')}]>>>>\nendobj\n`;
  const place = String(pdf.length).padStart(10, '0');
  const free = '0 1\n0000000000 65535 f \n'; // which every such table begins with
  const xref = `xref\n${free}${root} 1\n${place} 00000 n \ntrailer\n<<${end[1]}\n/Prev ${end[2]}>>\n`;
  const tail = `${object}${xref}startxref\n${pdf.length + object.length}\n%%EOF\n`;
  return Buffer.concat([pdf, Buffer.from(tail, 'latin1')]);
}
