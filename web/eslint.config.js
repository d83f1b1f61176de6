import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// A folder of src may import from the folders before it in this order, never from those after it.
const order = ['base', 'api', 'state', 'views', 'main'];
const importRules = order.slice(0, -1).map((folder, index) => ({
  files: [`src/${folder}/**/*.{ts,svelte}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: order.slice(index + 1).map((later) => ({
          regex: `^(\\.\\./)+${later}(/|$)`,
          message: `src/${folder} may not import from src/${later}: the order is ${order.join(' <- ')}.`,
        })),
      },
    ],
  },
}));

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/api/openapi.gen.ts'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  {
    rules: {
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 60],
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  // A suite of tests is one function.
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
  ...importRules,
);
