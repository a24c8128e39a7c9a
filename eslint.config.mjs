import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['_site', '.venv', '.lessons', 'runs', 'slides/reveal/mermaid-none'] },
  js.configs.recommended,
  { rules: { complexity: ['error', 12], eqeqeq: 'error', 'no-var': 'error' } },
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  {
    files: ['static/js/**/*.js', 'tests/helpers/*.js'],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ['static/js/*.js'],
    languageOptions: { sourceType: 'script', globals: { Reveal: 'readonly' } },
  },
];
