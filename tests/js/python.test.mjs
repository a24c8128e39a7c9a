// What a slide shows of a Python file.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { definition } from '../../slides/reveal/expand/python.mjs';

const cut = (source, name, docstring = false) => definition(source, name, { docstring });

test('a definition is found wherever it stands, and dedented', () => {
  const source = [
    'try:',
    '    import fast',
    'except ImportError:',
    '    class Slow:',
    '        if True:',
    '            @staticmethod',
    '            def run():',
    "                'doc'; return 1",
    '                # the end',
    '',
    '# of the module',
  ].join('\n');
  const shown = ['@staticmethod', 'def run():', "    'doc'; return 1", '    # the end'];
  assert.deepEqual(cut(source, 'Slow.run'), shown);
  assert.deepEqual(cut(source.replaceAll('\n', '\r\n'), 'Slow.run'), shown);
});

test('a docstring goes, with the blank line after it, unless it is all or asked for', () => {
  const source =
    'class A:\n    """One.\n\n    Two.\n    """\n\n    b = 1\n\ndef c():\n    """Only."""\n';
  assert.deepEqual(cut(source, 'A'), ['class A:', '    b = 1']);
  assert.equal(cut(source, 'A', true).length, 7);
  assert.deepEqual(cut(source, 'c'), ['def c():', '    """Only."""']);
});

test('a name of two definitions is refused, and one of none', () => {
  for (const [source, lines] of [
    ['if a:\n    def f(): 1\nelse:\n    def f(): 2', '2 and 4'],
    ['def f(): 1\ntry:\n    pass\nfinally:\n    def f(): 2', '1 and 5'],
    ['@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): 1', '1 and 3 and 5'],
  ]) {
    const message = `f is defined more than once, on lines ${lines}`;
    assert.throws(() => cut(source, 'f'), { message });
  }
  assert.throws(() => cut('class A: pass\ndef b(): pass', 'c'), {
    message: 'there is no c in it; it has A, b',
  });
  assert.throws(() => cut('a = 1', 'c'), /it has no definition at all$/);
});
