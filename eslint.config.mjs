// What no type can say about how this code reads; each rule names its reason, so that it can be argued with.
// Layout is Prettier's, import directions are dependency-cruiser's (test/architecture), file names are the tidy test's.

import { defineConfig } from 'eslint/config';
import typescript from 'typescript-eslint';

/** Decision models and whatever pure thing one needs: the files of a slice whose names have no second suffix. */
const pureFiles = ['src/kernel/**/*.ts', 'src/*/*.ts', 'projections/*/*.ts'];
const impureFiles = ['src/{app,ops,platform}/**', 'src/*/*.*.ts', 'projections/registry.ts'];

/** Whoever may read the environment hands it to `readConfig`; whoever may print talks to a person at a terminal. */
const entryPoints = ['src/main.ts', 'src/cli.ts'];
const terminalPrograms = [...entryPoints, 'src/ops/**/*.ts', 'test/{bench,chaos}/**/*.ts'];

const noBarrels = [
  {
    selector: 'ExportAllDeclaration',
    message: 'Import the file that declares it: a re-export hides where a name lives and loads a module to get a type.',
  },
  {
    selector: 'ExportNamedDeclaration[source]',
    message: 'Import the file that declares it: a re-export hides where a name lives and loads a module to get a type.',
  },
];

const plainLanguage = [
  {
    selector: 'TSEnumDeclaration',
    message: 'A union of string literals says the same, is what is stored, and disappears when compiled.',
  },
  {
    selector: 'CallExpression[callee.name="forwardRef"]',
    message:
      "Two modules that need each other are one, or one of them is reacting: give it a process on the other's events.",
  },
  {
    selector: 'CatchClause > BlockStatement[body.length=0]',
    message: 'Never catch what you cannot name: a swallowed error is a wrong read model next month.',
  },
];

const noEnvironment = [
  {
    selector: 'MemberExpression[object.name="process"][property.name="env"]',
    message: 'Configuration is read once, in src/main.ts or src/cli.ts, and handed on as Config.',
  },
];

const replayable = 'A pure file can be replayed for any day: time, ids and chance arrive in the command or the event.';
const noClockNoDice = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: replayable },
  { selector: 'CallExpression[callee.object.name="Date"][callee.property.name="now"]', message: replayable },
  { selector: 'CallExpression[callee.name="Date"]', message: replayable },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: replayable },
  {
    selector:
      'Identifier[name=/^(crypto|fetch|performance|process|setTimeout|setInterval|setImmediate|queueMicrotask)$/]:not(MemberExpression[computed=false] > .property, Property[computed=false] > .key, TSPropertySignature > .key)',
    message: replayable,
  },
];

/** The part of ESLint's own recommendations that the compiler doesn't already cover. */
const mistakesTypesAllow = {
  'no-async-promise-executor': 'error',
  'no-constant-binary-expression': 'error',
  'no-constant-condition': 'error',
  'no-control-regex': 'error',
  'no-empty-pattern': 'error',
  'no-irregular-whitespace': 'error',
  'no-loss-of-precision': 'error',
  'no-prototype-builtins': 'error',
  'no-self-assign': 'error',
  'no-sparse-arrays': 'error',
  'no-unsafe-finally': 'error',
  'no-unsafe-optional-chaining': 'error',
  'no-useless-assignment': 'error',
  'no-useless-escape': 'error',
  'preserve-caught-error': 'error',
};

const everywhere = [...noBarrels, ...plainLanguage];

export default defineConfig(
  { ignores: ['dist/', '.chorus/', 'coverage/', 'node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },

  {
    files: ['**/*.ts'],
    extends: [typescript.configs.strictTypeChecked, typescript.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A new event or command must break the build at every place that has to know it.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { allowDefaultCaseForExhaustiveSwitch: false }],
      // What is imported for its type alone loads nothing: it keeps read models free of the deciders they read about.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      // Parse at the boundary, trust inside; `as const` stays allowed.
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Nest modules are classes with nothing but a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Nest types its option objects as classes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `async` without `await` makes an adapter that happens not to wait reject like the others, instead of throwing.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],

      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@nestjs/cqrs',
              importNames: [
                'AggregateRoot',
                'EventBus',
                'EventPublisher',
                'EventsHandler',
                'Saga',
                'UnhandledExceptionBus',
              ],
              message:
                'The in-process bus forgets events on a crash. They go through the log; who reacts has a durable checkpoint.',
            },
          ],
          patterns: [
            { regex: '(^|/)(index(\\.js)?|\\.{1,2})$', message: 'Import the file that declares it, not a barrel.' },
          ],
        },
      ],
      'no-restricted-syntax': ['error', ...everywhere, ...noEnvironment],

      ...mistakesTypesAllow,
      eqeqeq: 'error',
      // Facts are logged as data at the edge that knows the outcome; prose on a console can't be queried.
      'no-console': 'error',
      // Past three screens a decision file is two models; a function fits one.
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'max-depth': ['error', 3],
      // The modified count takes a switch as one branch: the plain one punishes a `decide` with a case per command.
      complexity: ['error', { max: 10, variant: 'modified' }],
    },
  },

  {
    // Adapters hold one mechanism each, and some mechanisms are long.
    files: ['src/{platform,ops}/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      // `typeof` and drivers' codes are unions that nobody here declares.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // Constructors that Nest calls: nobody counts arguments there, but five of them are a class that does too much.
    files: ['**/*.module.ts', 'src/app/**/*.ts'],
    rules: { 'max-params': ['error', 5] },
  },
  {
    files: pureFiles,
    ignores: impureFiles,
    rules: { 'no-restricted-syntax': ['error', ...everywhere, ...noEnvironment, ...noClockNoDice] },
  },
  { files: terminalPrograms, rules: { 'no-console': 'off' } },
  { files: entryPoints, rules: { 'no-restricted-syntax': ['error', ...everywhere] } },

  {
    // A test is a list of examples: long is fine, and a fixture may claim what production code has to prove.
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...everywhere],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': 'off',
      'max-params': ['error', 5],
      complexity: ['error', { max: 15, variant: 'modified' }],
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'as' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off', // Jest's asymmetric matchers are `any`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
