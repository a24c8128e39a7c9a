// Equations: what is one, what MathML it becomes, and what an author is told of one that is none.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { expand } from '../../slides/reveal/expand/directives.mjs';
import { equation, LINE_WAS, replaceEquations } from '../../slides/reveal/expand/math.mjs';
import { root } from '../../slides/reveal/project.mjs';

/** The equations in a text, as they are written; with `text` as the rest. */
function equationsIn(text) {
  const found = [];
  const rest = replaceEquations(text, (written, offset) => {
    assert.equal(text.slice(offset, offset + written.length), written);
    found.push(written);
    return '';
  });
  return { found, rest };
}

/** A deck whose first line is line 10 of its file. */
const deck = (markdown) =>
  expand(markdown, {
    root,
    file: 'slides/deck.md',
    firstLine: 10,
    separator: '<!--s-->',
    verticalSeparator: '<!--v-->',
    assets: '.',
  });

/** The lines and the messages of what is wrong in a deck. */
const mistakes = (markdown) => deck(markdown).problems.map(({ line, message }) => [line, message]);

test('TeX between dollars is an equation', () => {
  for (const [text, ...equations] of [
    ['$x$, ($y$) and $n$th, **$z$**', '$x$', '$y$', '$n$', '$z$'],
    ['$a_{n} = a_{n-1} * b*c$', '$a_{n} = a_{n-1} * b*c$'],
    ['over $a +\nb$ lines', '$a +\nb$'],
    ['$$\n\\frac{a}{b} \\\\\n\n$$', '$$\n\\frac{a}{b} \\\\\n\n$$'],
    ['$$a$$ and $$\\text{$b$}$$', '$$a$$', '$$\\text{$b$}$$'],
    ['$a\\$b$', '$a\\$b$'],
    ['[$x$](a.md) | $|x|$ |', '$x$', '$|x|$'],
    ['\n$x$\n\nNote:\n$y$', '$x$', '$y$'],
  ]) {
    assert.deepEqual(equationsIn(text).found, equations, text);
  }
});

test('a dollar that is none stays as it is written', () => {
  for (const text of [
    '$5 and $10',
    'from 5$ to 10$, US$5 or C$5',
    '$5-$10, $ 5 $',
    '\\$x\\$ and \\\\\\$x$',
    '- costs $5\n- costs 10$',
    'costs $5\n\nor 5$',
    'costs $5\nNote:\nor 5$',
    'they earn $$$',
    '`$x$` and ``$x$ ` $x$``',
    '```\n$x$\n```',
    '~~~sh\necho $a $b\n~~~',
    '<pre>$x$</pre> <code>$x$</code> <style>$x$</style> <math><mi>$x$</mi></math>',
    '<img alt="$x$" src="a/$x$.png">',
    '<!-- .element: data-x="$x$" -->',
    '![$x$](a.png) [a](b/$x$) [c]( <d/$x$> )',
    '[a]: b/$x$',
    '{{ static/$x$.json: a }}',
  ]) {
    assert.deepEqual(equationsIn(text), { found: [], rest: text }, text);
  }
});

test('an equation is one line of MathML, of which Markdown takes nothing for its own', () => {
  const fraction = equation('\\frac{e^{x_i}}{\\sum_j e^{x_j}}', true);
  assert.match(fraction, /^<math display="block"><mrow><mfrac><msup>.*<\/math>$/);
  assert.doesNotMatch(fraction, /annotation|xmlns|span/);
  for (const tex of ['\\text{a\\_b*c} [x](y) \\{|a|\\} \\~n', 'a\n\n*\nb', '\\$ `a \\backslash']) {
    for (const isDisplay of [true, false]) {
      const words = equation(tex, isDisplay).replace(/<[^>]*>/g, '');
      assert.doesNotMatch(words, /[*_`[\]|\\~{}$\n]/, tex);
    }
  }
});

test('letters of another alphabet are other characters, and words are whole', () => {
  const text = (tex) => equation(tex, false).replace(/<[^>]*>/g, '');
  assert.equal(text('\\mathbb{RC1}\\mathcal{LA}\\mathfrak{CA}'), 'ℝℂ𝟙ℒ𝒜ℭ𝔄');
  assert.equal(text('\\mathbf{xΩ9}\\boldsymbol{\\alpha}\\mathsf{a}\\mathtt{b}'), '𝐱𝛀𝟗𝜶𝖺𝚋');
  assert.match(equation('\\mathrm{softmax}(x)', false), /<mi>softmax<\/mi>/);
  assert.match(equation('\\mathrm{d}x', false), /<mi mathvariant="normal">d<\/mi><mi>x<\/mi>/);
});

test('an equation does not leave the comma behind it, nor the parenthesis before it', () => {
  const kept = (text) =>
    deck(text)
      .markdown.replace(/<math>.*?<\/math>/g, 'x')
      .trim();
  const span = (inside) => `<span style="white-space: nowrap">${inside}</span>`;
  assert.equal(kept('$x$, $x$'), `${span('x,')} x`);
  assert.equal(kept('($x$) [$x$](#/1)'), `${span('(x)')} [x](#/1)`);
  assert.equal(
    kept('the $n$th, $i$-th. $x$ alone'),
    `the ${span('xth,')} ${span('x-th.')} x alone`,
  );
});

test('an equation that cannot be set is told in a line, at its line', () => {
  const undefined_ = 'Undefined control sequence: \\foo';
  for (const [text, line, message] of [
    ['a\n$\\foo$', 11, undefined_],
    ['$$\na \\\\\n\\foo\n$$', 12, undefined_],
    ['Note:\n\n$\\foo$', 12, undefined_],
    ['$\\frac{1$', 10, "Unexpected end of input in a macro argument, expected '}'"],
    ['$50%$', 10, '% begins a comment: write \\%'],
    ['$a \\\\ b$', 10, '\\\\ ends no line here: write \\begin{aligned} … \\end{aligned}'],
    ['$\\boxed{a}$', 10, 'not every browser draws a box or a stroke'],
    ['$\\href{https://example.org}{x}$', 10, 'an equation may not use \\href'],
    ['$n = {{ static/facts.json: x }}$', 10, 'no directive stands in an equation'],
    ['$$x', 10, 'the second $$ is missing; write \\$\\$ for two dollars'],
  ]) {
    assert.deepEqual(mistakes(text), [[line, message]], String(text));
  }
  const { markdown, problems } = deck(`$x$\n<!--s-->\n$\\foo{${'x'.repeat(99)}}$\n<!--s-->\nafter`);
  assert.match(markdown, /^\s*<math>.*<!--s-->\s*<!-- \.slide: class="mistake" -->.*after$/s);
  assert.ok(problems[0].directive.startsWith('$\\foo{xxx') && problems[0].directive.length < 70);
});

test('what stands below an equation of several lines keeps its line', () => {
  const three = '$$\na\n$$ $x +\ny$';
  assert.deepEqual(
    mistakes(`${three}\n\n[a](none.png)\n{{ static/facts.json: none. }}`).map(([line]) => line),
    [15, 16],
  );
  assert.doesNotMatch(deck(three).markdown, new RegExp(LINE_WAS));
  assert.match(deck(three).markdown.trim(), /^<math.*<\/math> <math>.*<\/math>$/);
});
