import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { rules, type SourceFile } from './tidy.js';

const roots = [
  'src',
  'projections',
  'migrations',
  'test',
  'docs',
  'README.md',
  'eslint.config.mjs',
  'package.json',
  '.ci',
];

/** These two quote what they forbid. */
const ruleBook = ['test/architecture/tidy.ts', 'test/architecture/tidy.spec.ts'];

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(`${path}/${name}`));
}

function theTree(): readonly SourceFile[] {
  const paths = roots.flatMap(filesUnder).filter((path) => !ruleBook.includes(path));
  return paths.map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

const cost = 'Read: one row. Change: one row.';

const bad: Readonly<Record<keyof typeof rules, readonly SourceFile[]>> = {
  namesSayWhatTheFileDoes: [
    { path: 'src/platform/database/helpers.ts', text: '' },
    { path: 'src/journals/index.ts', text: '' },
    { path: 'src/platform/common/retry.ts', text: '' },
    { path: 'src/journals/journal.service.ts', text: '' },
  ],
  suffixesAreFromTheList: [
    { path: 'src/journals/journals.controller.ts', text: '' },
    { path: 'src/journals/journalEntry.ts', text: '' },
    { path: 'projections/journals/entries.query.ts', text: '' },
  ],
  nothingIsLeftForLater: [
    { path: 'src/main.ts', text: '// TODO: later' },
    { path: 'docs/architecture.md', text: 'FIXME: this page' },
  ],
  exceptionsHaveReasons: [
    { path: 'src/main.ts', text: '// eslint-disable-next-line no-console' },
    { path: 'src/main.ts', text: '// @ts-ignore' },
    { path: 'src/main.ts', text: '// @ts-expect-error' },
  ],
  readModelsStateTheirCost: [
    { path: 'projections/journals/a.ts', text: `/** Entries. */\nexport const a = projection<E>()({});` },
    { path: 'projections/journals/b.ts', text: `export const b = projection<E>()({});\n/** ${cost} */` },
  ],
  readModelsAreRegistered: [
    { path: 'projections/journals/a.ts', text: `/** ${cost} */\nexport const a = projection<E>()({});` },
  ],
  nothingTellsWhereItWasMade: [
    { path: 'src/main.ts', text: "const path = '/home/ada/data';" },
    { path: 'docs/architecture.md', text: 'See issue 7.' },
  ],
  documentsNameFilesThatExist: [
    { path: 'docs/architecture.md', text: '[gone](./gone.md)' },
    { path: 'README.md', text: 'The code is in `src/gone.ts`.' },
  ],
};

const good: readonly SourceFile[] = [
  { path: 'src/journals/journal-entry.ts', text: '// eslint-disable-next-line no-console -- it talks to a terminal' },
  { path: 'src/journals/journals.http.ts', text: '// @ts-expect-error a misspelt event must not compile' },
  { path: 'src/platform/event-store/postgres.event-store.ts', text: 'export const indexes = 1;' },
  { path: 'projections/journals/fenwick-tree.ts', text: 'export const bins = 1;' },
  { path: 'projections/journals/entries.ts', text: `/** ${cost} */\nexport const e = projection<E>()({});` },
  { path: 'projections/registry.ts', text: `import { e } from './journals/entries.js';` },
  {
    path: 'docs/architecture.md',
    text: '[code](../src/journals/journal-entry.ts), `src/journals/`, `src/<slice>/x.ts`, [web](https://example.org)',
  },
];

describe.each(Object.entries(rules))('tidiness: %s', (name, rule) => {
  test('finds each planted mistake', () => {
    const planted = Object.entries(bad).find(([rule]) => rule === name)?.[1] ?? [];
    expect(planted.length).toBeGreaterThan(0);
    expect(planted.filter((file) => rule([file]).length === 0)).toEqual([]);
  });

  test('lets tidy files pass', () => {
    expect(rule(good)).toEqual([]);
  });

  test('holds for the tree', () => {
    expect(rule(theTree())).toEqual([]);
  });
});
