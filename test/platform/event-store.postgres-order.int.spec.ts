import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import {
  AppendOutcomeUnknown,
  AppendRejected,
  StoreUnavailable,
  VersionConflict,
} from '../../src/platform/event-store/errors.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { Append, ExpectedVersion } from '../../src/platform/event-store/event-store.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';

/**
 * What makes the order of the log trustworthy, forced rather than hoped for: transactions are held open at the point where a
 * weaker design loses or reorders something.
 */
const codec = new EventCodec([{ Counted: event(z.strictObject({ n: z.int() })) }]);
const metadata = { correlationId: 'order' };
const newStream = (): string => `counter-${randomUUID()}`;
const to = (stream: string, expected: ExpectedVersion, events = 1): Append => ({
  writes: [{ stream, expected, events: Array.from({ length: events }, (_, n) => ({ type: 'Counted', n })) }],
  metadata,
});
const limits = { eventBytesMax: 10_000, appendEventsMax: 1_000, appendQueueMax: 5_000 };

describe('the order of the PostgreSQL log', () => {
  let test_: TestDatabase;
  let store: PostgresEventStore;
  const others: PostgresEventStore[] = [];

  beforeAll(async () => {
    test_ = await aDatabase();
    store = aStore();
  });
  afterAll(async () => {
    await Promise.all([store, ...others].map((one) => one.close()));
    await test_.close();
  });

  function aStore(): PostgresEventStore {
    const another = new PostgresEventStore(test_.database, codec, limits);
    others.push(another);
    return another;
  }

  /** Another process's flush, stopped just before its commit. */
  async function heldAppend(
    stream: string,
    expected: number,
  ): Promise<{ commit(): Promise<void>; rollback(): Promise<void> }> {
    const client = new pg.Client({ connectionString: test_.url });
    await client.connect();
    await client.query('begin');
    await client.query(
      `select log.append_one($1, $2, $3, 'Counted', 1::smallint, '{"n":0}', '{"correlationId":"held"}', null, null)`,
      [stream, expected, randomUUID()],
    );
    const end = async (how: string): Promise<void> => {
      await client.query(how);
      await client.end();
    };
    return { commit: () => end('commit'), rollback: () => end('rollback') };
  }

  async function waitingForLock(): Promise<void> {
    for (;;) {
      const { rowCount } = await test_.database.pool.query(
        `select from pg_stat_activity where application_name = 'chorus append' and wait_event_type = 'Lock' and datname = current_database()`,
      );
      if (rowCount !== null && rowCount > 0) return;
      await sleep(5);
    }
  }

  test('has no gaps and no doubles under many processes and refused appends', async () => {
    const stores = [store, aStore(), aStore()];
    const before = await store.head();
    const contended = newStream();
    let written = 0;
    await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        const one = stores[n % stores.length] ?? store;
        const append = n % 3 === 0 ? to(contended, n / 3) : to(newStream(), 'none', 2);
        const outcome = await one.append(append).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(VersionConflict);
        else written += append.writes[0]?.events.length ?? 0;
      }),
    );
    const page = await store.readAll({ after: before, limit: 10_000 });
    expect(page.events.map(({ position }) => position)).toEqual(
      Array.from({ length: written }, (_, n) => before + BigInt(n) + 1n),
    );
    const times = page.events.map(({ recordedAt }) => recordedAt.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('shows a reader nothing beyond an append that is not committed yet', async () => {
    const before = await store.head();
    const held = await heldAppend(newStream(), 0);
    const later = store.append(to(newStream(), 'none'));
    await waitingForLock();
    expect(await store.readAll({ after: before, limit: 10 })).toEqual({ events: [], scannedTo: before });
    await held.commit();
    expect((await later).position).toBe(before + 2n);
    const { events } = await store.readAll({ after: before, limit: 10 });
    expect(events.map(({ position }) => position)).toEqual([before + 1n, before + 2n]);
  });

  test('gives the position of an append that was rolled back to the next one', async () => {
    const before = await store.head();
    const held = await heldAppend(newStream(), 0);
    const later = store.append(to(newStream(), 'none'));
    await waitingForLock();
    await held.rollback();
    expect((await later).position).toBe(before + 1n);
  });

  test.each(['one at a time', 'together'])(
    'checks versions on what is committed, not on an older snapshot: %s',
    async (how) => {
      const stream = newStream();
      const held = await heldAppend(stream, 0);
      const late = [store.append(to(stream, 'none'))];
      if (how === 'together') late.push(store.append(to(newStream(), 'none')));
      const outcomes = Promise.allSettled(late);
      await waitingForLock();
      await held.commit();
      const [first] = await outcomes;
      expect(first).toMatchObject({ status: 'rejected', reason: { name: 'VersionConflict', actual: 1 } });
      expect((await store.readStream(stream)).version).toBe(1);
    },
  );

  test('is not held up by an unrelated open transaction', async () => {
    const client = new pg.Client({ connectionString: test_.url });
    await client.connect();
    await client.query('begin');
    await client.query('create table unrelated (n integer)');
    const { position } = await store.append(to(newStream(), 'none'));
    expect((await store.readAll({ after: position - 1n, limit: 10 })).scannedTo).toBe(position);
    await client.query('rollback');
    await client.end();
  });

  test('is left alone by an append whose connection breaks, and the store goes on', async () => {
    const held = await heldAppend(newStream(), 0);
    const broken = store.append(to(newStream(), 'none'));
    const outcome = expect(broken).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    await waitingForLock();
    await test_.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chorus append' and wait_event_type = 'Lock' and datname = current_database()`,
    );
    await outcome;
    await held.rollback();
    expect((await store.append(to(newStream(), 'none'))).versions).toEqual([1]);
  });

  test('is left alone by an append that the database refuses, and its neighbours go through', async () => {
    const streams = [newStream(), newStream()];
    const attempts = await Promise.allSettled([
      store.append(to(streams[0] ?? '', 'none')),
      store.append({ ...to(newStream(), 'none'), command: { id: 'no\0text', fingerprint: '' } }),
      store.append(to(streams[1] ?? '', 'none')),
    ]);
    expect(attempts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(attempts[1]).toMatchObject({ reason: expect.any(AppendRejected) });
  });

  test('cannot be changed afterwards', async () => {
    for (const change of ['update log.events set version = 9', 'delete from log.events', 'truncate log.events']) {
      await expect(test_.database.pool.query(change)).rejects.toThrow('Events are facts');
    }
  });

  test('is unavailable, in one word, when the database cannot be reached', async () => {
    const nowhere = new URL(test_.url);
    nowhere.port = '1';
    const lost = new PostgresEventStore(
      { url: nowhere.href, pool: new pg.Pool({ connectionString: nowhere.href }) },
      codec,
      limits,
    );
    await expect(lost.append(to(newStream(), 'none'))).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(lost.readStream('counter-1')).rejects.toBeInstanceOf(StoreUnavailable);
  });
});
