import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { event, type EventFamily } from '../../src/kernel/event-family.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { BatchWriter } from '../../src/platform/projecting/batch-writer.js';
import type { Build } from '../../src/platform/projecting/builds.js';
import { columnsOf } from '../../src/platform/projecting/columns.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { readRows } from '../../src/platform/projecting/read-rows.js';
import { table } from '../../src/platform/projecting/table.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { theLiveBuild } from './projecting.worker.js';

/**
 * The heart of projecting, against a model that a reader can check by eye: whatever is done to rows, and however the events
 * are cut into batches, the table ends up as if each change had been made to it at once.
 */
const key = z.object({ person: z.string(), day: z.int() });
const rest = z.object({
  likes: z.int(),
  seconds: z.int().nullable(),
  share: z.number(),
  label: z.string(),
  open: z.boolean(),
  seenAt: z.number().nullable(),
  extra: z.json(),
});

const somethingOfIt = rest.partial();

const Change = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('add'),
    key,
    sums: rest.pick({ likes: true, share: true }).extend({ seconds: z.int() }).partial(),
  }),
  z.object({ kind: z.literal('set'), key, values: somethingOfIt }),
  z.object({ kind: z.literal('remove'), key }),
  z.object({ kind: z.literal('mirror'), key }),
]);
type Change = z.infer<typeof Change>;
type Rest = z.infer<typeof rest>;
type Key = z.infer<typeof key>;

const family = { Changed: event(z.object({ changes: z.array(Change) })) } satisfies EventFamily;

const days = table({
  name: 'days',
  columns: {
    likes: 'integer',
    day: 'integer',
    seconds: 'bigint?',
    share: 'double',
    person: 'text',
    label: 'text',
    open: 'boolean',
    seen_at: 'timestamptz?',
    extra: 'jsonb',
  },
  key: ['person', 'day'],
});

const changes = projection<typeof family>()({
  name: 'days',
  version: 1,
  tables: { days },
  when: {
    Changed: (happened, rows) => {
      for (const change of happened.changes) {
        if (change.kind === 'remove') rows.days.remove(change.key);
        else if (change.kind === 'add') rows.days.add(change.key, change.sums);
        else if (change.kind === 'set') rows.days.set(change.key, valuesOf(change.values));
        else {
          rows.days.set(change.key, mirrored(rows.days.get(change.key)));
        }
      }
    },
  },
  reads: ({ changes: all }) => ({ days: all.filter(({ kind }) => kind === 'mirror').map((change) => change.key) }),
});

function valuesOf({ seenAt, ...values }: z.infer<typeof somethingOfIt>) {
  if (seenAt === undefined) return values;
  return { ...values, seen_at: seenAt === null ? null : new Date(seenAt) };
}

/** One row at a time, in plain words. What a column is when nothing was said about it is the first line. */
class Recount {
  private readonly fresh = { likes: 0, seconds: null, share: 0, label: '', open: false, seenAt: null, extra: null };
  private readonly rows = new Map<string, Key & Rest>();

  apply(change: Change): void {
    const name = JSON.stringify([change.key.person, change.key.day]);
    if (change.kind === 'remove') {
      this.rows.delete(name);
      return;
    }
    const found = this.rows.get(name);
    const row = found ?? { ...this.fresh, ...change.key };
    this.rows.set(name, { ...row, ...this.outcome(change, row, found !== undefined) });
  }

  private outcome(change: Exclude<Change, { kind: 'remove' }>, row: Rest, exists: boolean): Partial<Rest> {
    switch (change.kind) {
      case 'add':
        return {
          likes: row.likes + (change.sums.likes ?? 0),
          share: row.share + (change.sums.share ?? 0),
          ...(change.sums.seconds !== undefined && { seconds: (row.seconds ?? 0) + change.sums.seconds }),
        };
      case 'set':
        return Object.fromEntries(Object.entries(change.values).filter(([, value]) => value !== undefined));
      case 'mirror':
        return mirrored(exists ? row : undefined);
    }
  }

  get table() {
    const rows = [...this.rows.values()].map(({ seenAt, ...row }) => ({
      ...row,
      seen_at: seenAt === null ? null : new Date(seenAt),
    }));
    return sorted(rows);
  }
}

function mirrored(row: Pick<Rest, 'likes' | 'seconds' | 'label'> | undefined) {
  return {
    likes: (row?.likes ?? 7) % 1_000,
    label: `${String(row?.seconds)} ${String(row?.label.length)}`,
  };
}

function sorted<Row extends Key>(rows: readonly Row[]): readonly Row[] {
  const name = ({ person, day }: Key): string => JSON.stringify([person, day]);
  return [...rows].sort((one, other) => (name(one) < name(other) ? -1 : 1));
}

// Few keys, so that changes meet; strings and values that are easy to get wrong on the way into an array literal.
const people = ['a', 'b', '', '{}', 'null', '"', 'a\\,b'];
const texts = fc.oneof(
  fc.constantFrom('', 'null', 'NULL', '"', '\\', '{a,b}', "o'clock", 'ü€😀', ' '),
  fc.string({ unit: 'grapheme' }),
);
const aKey = fc.record({ person: fc.constantFrom(...people), day: fc.integer({ min: -1, max: 1 }) });
const anInt = fc.integer({ min: -1_000, max: 1_000 });
// Halves add up exactly in any order; thirds would not, and no engine could make them.
const aShare = anInt.map((halves) => halves / 2);
const optional = { requiredKeys: [] };
const aChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    key: aKey,
    sums: fc.record({ likes: anInt, seconds: anInt, share: aShare }, optional),
  }),
  fc.record({
    kind: fc.constant('set' as const),
    key: aKey,
    values: fc.record(
      {
        likes: anInt,
        seconds: fc.option(fc.maxSafeInteger().map((value) => value % 2 ** 50)),
        share: aShare,
        label: texts.filter((text) => !text.includes('\0')),
        open: fc.boolean(),
        seenAt: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 })),
        extra: fc.oneof(
          fc.constant(null),
          texts.filter((text) => !text.includes('\0')),
          anInt,
          fc.constant<Rest['extra']>([1, [null, '{}']]),
          fc.constant<Rest['extra']>({ a: ['"'] }),
        ),
      },
      optional,
    ),
  }),
  fc.record({ kind: fc.constant('remove' as const), key: aKey }),
  fc.record({ kind: fc.constant('mirror' as const), key: aKey }),
);

let testing: TestDatabase;
let live: Build;

beforeAll(async () => {
  testing = await aDatabase();
  live = await theLiveBuild(testing.database, changes);
});
afterAll(() => testing.close());

describe('folding', () => {
  test('gives the same table whatever the batches, and as if each change were made by itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(aChange, { maxLength: 6 }), { maxLength: 24 }),
        fc.array(fc.nat(5)),
        async (all, cuts) => {
          const expected = new Recount();
          for (const change of all.flat()) expected.apply(change);
          expect(await tableAfter(all, [])).toEqual(expected.table);
          expect(await tableAfter(all, cuts)).toEqual(expected.table);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** Each cut is the size of a batch; what is left is one batch. */
async function tableAfter(all: readonly (readonly Change[])[], cuts: readonly number[]): Promise<unknown> {
  const { pool } = testing.database;
  await pool.query(`truncate ${live.schema}.days`);
  await pool.query('update projecting.builds set position = 0');
  const events = all.map((happened, at) => recorded(BigInt(at + 1), happened));
  let build: Build = { ...live, position: 0n };
  for (const size of [...cuts, events.length]) {
    const batch = events.splice(0, size);
    const upTo = batch.at(-1)?.position ?? build.position;
    expect(await new BatchWriter(testing.database, changes).write(build, { events: batch, upTo })).toBe(true);
    build = { ...build, position: upTo };
  }
  const rows = await readRows<typeof days.columns>(pool, columnsOf(days.columns), {
    text: 'select * from read.days',
    values: [],
  });
  return sorted(rows);
}

function recorded(position: bigint, happened: readonly Change[]): RecordedEvent {
  const made = { type: 'Changed', ...family.Changed.data.parse({ changes: happened }) };
  return {
    position,
    stream: 'test-1',
    version: Number(position),
    id: String(position),
    schemaVersion: 1,
    event: made,
    metadata: { correlationId: 'test' },
    recordedAt: new Date(0),
  };
}
