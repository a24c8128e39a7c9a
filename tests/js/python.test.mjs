// What a slide shows of a Python file.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { definition } from '../../slides/reveal/expand/python.mjs';

const cut = (source, name) => definition(source, name, { docstring: false });

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

test('a name of two definitions is refused, and any where there is none', () => {
  for (const [source, lines] of [
    ['if a:\n    def f(): 1\nelse:\n    def f(): 2', '2 and 4'],
    ['def f(): 1\ntry:\n    pass\nfinally:\n    def f(): 2', '1 and 5'],
    ['@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): 1', '1 and 3 and 5'],
  ]) {
    const message = `f is defined more than once, on lines ${lines}`;
    assert.throws(() => cut(source, 'f'), { message });
  }
  assert.throws(() => cut('a = 1', 'c'), /it has no definition at all$/);
});
