import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PoolClient } from 'pg';
import { binOf, binsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { nodesToChange } from '../../projections/interactive-prompts/fenwick-tree.js';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { promptSessionEvents, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { PromptSessionUid } from '../../src/kernel/ids.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { Projection } from '../../src/platform/projecting/projection.js';
import { compareTables, type TableComparison } from '../../src/platform/proving/compare.js';
import { contributors, type RowHistory } from '../../src/platform/proving/contributors.js';
import { crowds } from '../interactive-prompts/crowds.js';
import { joined, liked, promptNo, user } from '../interactive-prompts/stays.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { aWorker, type Worker } from './projecting.worker.js';

/** Forgets that people like things. */
const unlikedCounts: Projection = { ...eventCounts, when: { ...eventCounts.when, PromptLiked: () => undefined } };

/** Counts every like twice, and joins only as it should, which makes it read rows. */
const doubleSums: typeof prefixSums = {
  ...prefixSums,
  when: {
    ...prefixSums.when,
    PromptLiked: (liked, rows, recorded) => {
      prefixSums.when.PromptLiked?.(liked, rows, recorded);
      prefixSums.when.PromptLiked?.(liked, rows, recorded);
    },
  },
};

interface Deployment {
  readonly testing: TestDatabase;
  readonly worker: Worker;
  readonly client: PoolClient;
}

let [right, wrong]: (Deployment | undefined)[] = [];
let likes: readonly (Extract<PromptSessionEvent, { readonly type: 'PromptLiked' }> & { readonly position: number })[];

/** The same log in two databases, read by the right projections and by the wrong ones. */
beforeAll(async () => {
  const histories = fc.sample(crowds, { seed: 7, numRuns: 60 });
  // Hardly anybody in these likes anything.
  const likers = Array.from({ length: 20 }, (_, n) => ({
    events: [joined(n % 3, 2 * n), liked(3 + ((n * 5) % 11), 2 * n + 1)].map((event) => ({
      ...event,
      userSub: user(`u${String(n % 7)}`),
    })),
  }));
  const events = [...histories, ...likers].flatMap((history, n) => history.events.map((event) => inPrompt(n, event)));
  likes = events.flatMap((event, at) => (event.type === 'PromptLiked' ? [{ ...event, position: at + 1 }] : []));
  right = await deployed([eventCounts, prefixSums], events);
  wrong = await deployed([unlikedCounts, doubleSums], events);
});

afterAll(async () => {
  for (const each of [right, wrong]) {
    each?.client.release();
    await each?.worker.stop();
    await each?.testing.close();
  }
});

/** Each history is of a prompt of its own, and of sessions of its own. */
function inPrompt(n: number, event: PromptSessionEvent): PromptSessionEvent {
  const promptUid = promptNo(n % 5);
  const sessionUid = PromptSessionUid.parse(
    event.sessionUid.slice(0, -4) + String(n).padStart(3, '0') + event.sessionUid.slice(-1),
  );
  return { ...event, promptUid, sessionUid };
}

async function deployed(
  projections: readonly Projection[],
  events: readonly PromptSessionEvent[],
): Promise<Deployment> {
  const testing = await aDatabase();
  const worker = await aWorker(testing.database, { projections, codec: new EventCodec([promptSessionEvents]) });
  for (const event of events) {
    const writes = [{ stream: `promptSession-${event.sessionUid}`, expected: 'any', events: [event] }] as const;
    await worker.store.append({ writes, metadata: { correlationId: 'test' } });
  }
  const head = await worker.store.head();
  for (const { name } of projections) await worker.progress.waitFor(name, head, 5_000);
  await eventually(async () => {
    const { rows } = await testing.database.pool.query('select 1 from projecting.builds where position < $1', [head]);
    expect(rows).toEqual([]);
  });
  return { testing, worker, client: await testing.database.pool.connect() };
}

const named = (key: Readonly<Record<string, unknown>>, column: string): string =>
  `${String(key['prompt_uid'])} ${String(key[column])}`;

async function proven(
  projection: Projection,
): Promise<{ tables: readonly TableComparison[]; found: readonly RowHistory[] }> {
  if (right === undefined || wrong === undefined) throw new Error('Nothing is deployed.');
  const sides = [right, wrong].map(({ client }) => ({
    client,
    schema: `${projection.name}_v2`,
    tables: projection.tables,
  }));
  const [before, after] = sides;
  if (before === undefined || after === undefined) throw new Error('There are two sides.');
  for (const { client } of sides) await client.query('begin isolation level repeatable read');
  const { tables } = await compareTables(before, after, [], { differencesMax: 1_000 });
  for (const { client } of sides) await client.query('commit');
  const { store } = wrong.worker;
  const wanted = tables.flatMap(({ differences }) => differences);
  const found = await contributors({ projection, store, wanted, upTo: await store.head(), newestMax: 1_000 });
  return { tables, found };
}

describe('a mistake in a projection of a crowd', () => {
  test('that forgets events is found in exactly the rows that they would have changed', async () => {
    expect(likes.length).toBeGreaterThan(20);
    const { tables, found } = await proven(eventCounts);
    const rowOf = ({ promptUid, promptTime }: (typeof likes)[number]) => `${promptUid} ${String(bucketOf(promptTime))}`;
    const [counts] = tables;
    expect(new Set(counts?.differences.map(({ key }) => named(key, 'bucket')))).toEqual(new Set(likes.map(rowOf)));
    for (const { key, events } of found) {
      const expected = likes.filter((like) => rowOf(like) === named(key, 'bucket'));
      const positions = events.filter(({ type }) => type === 'PromptLiked').map(({ position }) => position);
      expect(positions).toEqual(expected.map(({ position }) => position).reverse());
    }
  });

  test('that reads rows and counts twice is found in exactly the sums that it made wrong, with the events', async () => {
    const { tables, found } = await proven(prefixSums);
    const nodesOf = ({ promptUid, promptTime, durationSeconds }: (typeof likes)[number]) =>
      [...nodesToChange(binOf(promptTime, durationSeconds), binsOf(durationSeconds))].map(
        (node) => `${promptUid} ${String(node)}`,
      );
    const nodes = new Set(likes.flatMap(nodesOf));
    expect(tables.map(({ table, differencesTotal }) => [table, differencesTotal])).toEqual([
      ['prefix_sums', nodes.size],
      ['prefix_sums_people', 0],
      ['prefix_sums_stays', 0],
    ]);
    const [sums] = tables;
    expect(sums?.differences.every(({ key, kind }) => key['category'] === 'likes' && kind === 'changed')).toBe(true);
    for (const { key, events } of found) {
      const expected = likes.filter((like) => nodesOf(like).includes(named(key, 'node')));
      expect(events.map(({ position }) => position)).toEqual(expected.map(({ position }) => position).reverse());
    }
  });

  test('is not found where there is none', async () => {
    const { client } = right ?? {};
    if (client === undefined) throw new Error('Nothing is deployed.');
    await client.query('begin isolation level repeatable read');
    const side = { client, schema: 'prefix_sums_v2', tables: prefixSums.tables };
    expect(await compareTables(side, side, [])).toMatchObject({ equal: true });
    await client.query('commit');
  });
});
