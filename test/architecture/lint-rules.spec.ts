/**
 * The lint rules that are ours rather than a preset's, seen to fail: each text is linted as if it stood in the named file.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';

const decision = 'src/interactive-prompts/prompt.ts';
const platform = 'src/platform/event-store/errors.ts';
const projections = 'projections/interactive-prompts/fenwick-tree.ts';

const planted: readonly (readonly [what: string, file: string, text: string, rule: string])[] = [
  ['the clock in a decision', decision, 'export const now = () => Date.now();', 'no-restricted-syntax'],
  ['today in a decision', decision, 'export const now = () => new Date();', 'no-restricted-syntax'],
  ['dice in a decision', decision, 'export const dice = () => Math.random();', 'no-restricted-syntax'],
  ['a new id in a decision', decision, 'export const id = () => crypto.randomUUID();', 'no-restricted-syntax'],
  [
    'the network in a decision',
    decision,
    "export const page = () => fetch('https://example.org');",
    'no-restricted-syntax',
  ],
  ['the clock in a fold', projections, 'export const now = () => Date.now();', 'no-restricted-syntax'],
  [
    'the environment outside an entry point',
    platform,
    "export const home = process.env['HOME'];",
    'no-restricted-syntax',
  ],
  ['a barrel', platform, "export * from './event-store.js';", 'no-restricted-syntax'],
  ['a re-export', platform, "export { EventStore } from './event-store.js';", 'no-restricted-syntax'],
  [
    'an import of a barrel',
    platform,
    "import { a } from './index.js';\nexport const b: unknown = a;",
    'no-restricted-imports',
  ],
  ['an enum', platform, 'export enum Colour { Red }', 'no-restricted-syntax'],
  [
    'a swallowed error',
    platform,
    'export const a = () => { try { JSON.parse(""); } catch {} };',
    'no-restricted-syntax',
  ],
  [
    'forwardRef',
    platform,
    "import { forwardRef } from '@nestjs/common';\nexport const a = forwardRef(() => Error);",
    'no-restricted-syntax',
  ],
  [
    'the bus that forgets',
    platform,
    "import { EventBus } from '@nestjs/cqrs';\nexport const bus = EventBus;",
    'no-restricted-imports',
  ],
  [
    'a claim about a type',
    platform,
    'export const a = (b: unknown) => b as string;',
    '@typescript-eslint/consistent-type-assertions',
  ],
  [
    'a switch that forgets a case',
    decision,
    "export const a = (b: 'c' | 'd') => { switch (b) { case 'c': return 1; } return 2; };",
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  ['prose on a console', platform, "console.log('hello');", 'no-console'],
];

const allowed: readonly (readonly [what: string, file: string, text: string])[] = [
  [
    'a moment that came with the command',
    decision,
    'export const at = (seconds: number) => new Date(seconds * 1000);\n',
  ],
  ['a key that is called like a global', decision, 'export const names = { fetch: 1, process: 2 };\n'],
  ['the environment where the program starts', 'src/main.ts', "export const home = process.env['HOME'];\n"],
  ['the clock in the platform', platform, 'export const now = () => Date.now();\n'],
  ['a constant', platform, "export const kinds = ['a', 'b'] as const;\n"],
];

describe('the lint rules', () => {
  const eslint = new ESLint();
  const brokenBy = async (file: string, text: string): Promise<(string | null)[]> => {
    const results = await eslint.lintText(text, { filePath: file });
    return results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));
  };

  // The first file loads the compiler and every type of the program.
  beforeAll(async () => {
    await brokenBy(platform, '');
  }, 60_000);

  test.each(planted)('catch %s', async (_what, file, text, rule) => {
    expect(await brokenBy(file, text)).toContain(rule);
  });

  test.each(allowed)('let %s pass', async (_what, file, text) => {
    expect(await brokenBy(file, text)).toEqual([]);
  });
});
