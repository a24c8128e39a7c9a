import js from '@eslint/js';

export default [
  { ignores: ['_site', '.venv', '.lessons', 'runs', 'slides/reveal/mermaid-none'] },
  js.configs.recommended,
  {
    rules: {
      complexity: ['error', 12],
      eqeqeq: 'error',
      'no-var': 'error',
      'no-undef': 'off', // tsc knows what there is
      'preserve-caught-error': 'off', // an error of ours is a sentence for a user
    },
  },
  { files: ['static/js/**/*.js'], rules: { 'max-lines': ['error', 250] } },
  { files: ['static/js/*.js'], languageOptions: { sourceType: 'script' } },
];
