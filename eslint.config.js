/** typescript-eslint's strict rules without the stylistic ones, plus the two that catch forgotten promises. Run by `npm run verify`. */
import vue from 'eslint-plugin-vue';
import tseslint from 'typescript-eslint';

const promises = {
  '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['it', 'describe'] }] }],
  '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false, properties: false, variables: false } }],
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.tools/', '.quickstart/', '.soak/', '.data/', '**/*.gen.ts', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true }],
      // `void` marks a promise that is meant to run on; empty functions are honest no-ops.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-control-regex': 'error',
    },
  },
  {
    files: ['{crds,controller,apiserver,agent,hack,test}/**/*.ts'],
    languageOptions: { parserOptions: { project: ['crds', 'controller', 'apiserver', 'agent', 'hack', 'test'].map((room) => `./${room}/tsconfig.json`), tsconfigRootDir: import.meta.dirname } },
    rules: promises,
  },
  {
    // One door to a repository: there the policy of the host's owner is asked.
    files: ['agent/**/*.ts'],
    ignores: ['agent/**/*.test.ts', 'agent/restic/restic.ts', 'agent/runs/operations/open.ts'],
    rules: { 'no-restricted-syntax': ['error', { selector: "NewExpression[callee.name='Restic']", message: 'open repositories with openRepository(): it asks the policy of agent.yaml' }] },
  },
  {
    // chai's `expect(x).to.be.true` is an expression; tests may reach into what they know is there.
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  ...vue.configs['flat/essential'].map((config) => ({ ...config, files: ['ui/**/*.vue'] })),
  {
    files: ['ui/**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    // The compiler knows better which computed properties return on every path.
    rules: { 'vue/multi-word-component-names': 'off', 'vue/return-in-computed-property': 'off' },
  },
);
