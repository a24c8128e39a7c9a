// Finds the definition of a class or function in Python source, by name.
//
// Deliberately small: it knows strings, comments, brackets and indentation, which is all it takes
// to tell where a statement begins and how far an indented block reaches.

const DEFINITION = /^(?:async\s+)?(?:class|def)\s+([^\W\d]\w*)/u;
const DOCSTRING = /^[rRuU]?("""|'''|"|')/;

/**
 * List the statements of `source` in order, one record for each logical line.
 *
 * @param {string} source Python source with `\n` line ends
 * @returns {{first: number, last: number, indent: number, text: string}[]} physical lines `first`
 *   to `last` (from 0), the indentation in columns, the first physical line without it
 */
function statements(source) {
  const lines = source.split('\n');
  const found = [];
  let quote = ''; // the quotes that will close the string we are in
  let depth = 0; // open brackets
  let joined = false; // the line before ended in a backslash
  lines.forEach((line, number) => {
    const inside = quote !== '' || depth > 0 || joined;
    const text = line.trimStart();
    if (!inside && text !== '' && !text.startsWith('#')) {
      const indent = line.slice(0, line.length - text.length).replaceAll('\t', '        ').length;
      found.push({ first: number, last: number, indent, text });
    } else if (inside && found.length > 0) {
      found.at(-1).last = number;
    }
    joined = false;
    for (let i = 0; i < line.length; i += 1) {
      if (line[i] === '\\') {
        joined = quote === '' && i === line.length - 1;
        i += 1;
      } else if (quote !== '') {
        if (line.startsWith(quote, i)) {
          i += quote.length - 1;
          quote = '';
        }
      } else if (line[i] === '#') {
        break;
      } else if (line[i] === '"' || line[i] === "'") {
        quote = line.startsWith(line[i].repeat(3), i) ? line[i].repeat(3) : line[i];
        i += quote.length - 1;
      } else if ('([{'.includes(line[i])) {
        depth += 1;
      } else if (')]}'.includes(line[i])) {
        depth = Math.max(0, depth - 1);
      }
    }
    // A string in single quotes goes no further than its line, unless a backslash carries it on.
    if (quote.length === 1 && !line.endsWith('\\')) quote = '';
  });
  return found;
}

/**
 * List the classes and functions of a module, and those inside of them.
 *
 * @param {string} source Python source with `\n` line ends
 * @returns {{name: string, first: number, last: number, body: object[]}[]} dotted name, physical
 *   lines (from 0, decorators included), and the statements of its body
 */
export function definitions(source) {
  const lines = source.split('\n');
  const all = statements(source);

  function within(start, end, prefix) {
    const found = [];
    const indent = all[start]?.indent;
    let decorated = -1;
    for (let i = start; i < end; i += 1) {
      if (all[i].indent !== indent) continue;
      if (all[i].text.startsWith('@')) {
        if (decorated < 0) decorated = i;
        continue;
      }
      const name = DEFINITION.exec(all[i].text)?.[1];
      if (name !== undefined) {
        let next = i + 1;
        while (next < end && all[next].indent > indent) next += 1;
        // A comment that closes the body belongs to it as far as it is indented like the body.
        let last = all[next - 1].last;
        for (let n = last + 1; n < (all[next]?.first ?? lines.length); n += 1) {
          const comment = /^(\s+)#/.exec(lines[n]);
          if (comment !== null && comment[1].length > indent) last = n;
          else if (lines[n].trim() !== '') break;
        }
        found.push({
          name: prefix + name,
          first: all[decorated < 0 ? i : decorated].first,
          last,
          body: all.slice(i + 1, next),
        });
        found.push(...within(i + 1, next, `${prefix + name}.`));
      }
      decorated = -1;
    }
    return found;
  }

  return within(0, all.length, '');
}

/**
 * Return the lines of a definition, dedented.
 *
 * @param {string} source Python source
 * @param {string} name `Class`, `function`, `Class.method` or `function.inner`
 * @param {{docstring: boolean}} options whether to keep the docstring
 * @returns {string[]} the lines
 * @throws {Error} with what there is, when the name is unknown or defined twice
 */
export function definition(source, name, { docstring }) {
  source = source.replaceAll('\r\n', '\n');
  const known = definitions(source);
  const matches = known.filter((candidate) => candidate.name === name);
  if (matches.length === 0) {
    const names = known.map((candidate) => candidate.name).join(', ') || 'no definition at all';
    throw new Error(`there is no ${name} in it; it has ${names}`);
  }
  if (matches.length > 1) {
    const where = matches.map((match) => match.first + 1).join(' and ');
    throw new Error(`${name} is defined more than once, on lines ${where}`);
  }
  const [{ first, last, body }] = matches;
  const dropped = new Set();
  if (!docstring && body.length > 1 && DOCSTRING.test(body[0].text)) {
    // The blank line after a docstring goes with it.
    const following = source.split('\n')[body[0].last + 1].trim() === '' ? 1 : 0;
    for (let n = body[0].first; n <= body[0].last + following; n += 1) dropped.add(n);
  }
  const lines = source
    .split('\n')
    .slice(first, last + 1)
    .filter((_, n) => !dropped.has(first + n));
  const margin = /^[ \t]*/.exec(lines[0])[0];
  return lines.map((line) =>
    line.startsWith(margin) ? line.slice(margin.length) : line.trimStart(),
  );
}
