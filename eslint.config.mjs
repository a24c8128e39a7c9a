import js from '@eslint/js';
import globals from 'globals';

const reveal = ['', 'Markdown', 'Highlight', 'Notes', 'Search', 'Zoom'].map(
  (name) => `Reveal${name}`,
);

export default [
  { ignores: ['_site', '.venv', '.lessons', 'runs', 'slides/reveal/mermaid-none'] },
  js.configs.recommended,
  { rules: { complexity: ['error', 12], eqeqeq: 'error', 'no-var': 'error' } },
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  {
    files: ['static/js/**/*.js', 'tests/helpers/*.js'],
    languageOptions: {
      globals: { ...globals.browser, ...Object.fromEntries(reveal.map((name) => [name, false])) },
    },
    rules: { 'max-lines': ['error', 250] },
  },
  { files: ['static/js/*.js'], languageOptions: { sourceType: 'script' } },
  // Its functions run in the page that is printed.
  { files: ['slides/reveal/print/*.mjs'], languageOptions: { globals: globals.browser } },
];
