import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { BatchWriter } from '../../src/platform/projecting/batch-writer.js';
import { Builds, type Build } from '../../src/platform/projecting/builds.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { aWorker, counted, pressCounts, recounted, theLiveBuild, type Worker } from './projecting.worker.js';

let testing: TestDatabase;
let worker: Worker | undefined;
let child: Frozen | undefined;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 12 });
});

afterEach(async () => {
  child?.process.kill('SIGKILL');
  child = undefined;
  await worker?.stop();
  worker = undefined;
  await testing.close();
});

interface Frozen {
  readonly process: ChildProcess;
  readonly said: () => string;
}

function aProcess(freezeAt: number): Frozen {
  const file = 'test/platform/projecting.frozen-worker.ts';
  const options = ['--no-warnings', '--import', './test/support/run-typescript.mjs', file];
  const process_ = spawn(process.execPath, [...options, testing.url, String(freezeAt)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  process_.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { process: process_, said: () => said };
}

/** The default lease times, as in production. */
const production = { leaseMs: 3_000, tickMs: 750 };

describe('an owner that is frozen between fold and write', () => {
  test('loses its projection within five seconds, and writes nothing when it thaws', async () => {
    child = aProcess(3);
    const frozen = child;
    await eventually(hasOwner, 15_000);
    worker = await aWorker(testing.database, { projections: [pressCounts], leases: production });
    for (const times of [1, 10]) await reached(worker, await worker.press('red', times));
    expect(worker.board.of('press_counts')?.build).toBeUndefined();

    const unwritten = await worker.press('red', 100);
    await eventually(() => expect(frozen.said()).toContain('freezing'));
    const frozenAt = performance.now();
    await reached(worker, unwritten);
    expect(performance.now() - frozenAt).toBeLessThan(5_000);
    expect(worker.board.of('press_counts')?.build).toBeDefined();
    await reached(worker, await worker.press('blue', 1_000));

    frozen.process.kill('SIGCONT');
    await eventually(() => expect(frozen.said()).toContain('thawed'));
    await sleep(500);
    await reached(worker, await worker.press('red', 10_000));
    expect(await counted(testing.database)).toEqual({ blue: 1_000, red: 10_111 });
    expect(await counted(testing.database)).toEqual(await recounted(testing.database));

    frozen.process.kill('SIGTERM');
    await once(frozen.process, 'exit');
    expect(frozen.said()).toContain('stopped');
  }, 40_000);
});

describe('an owner that is killed', () => {
  test('is replaced within five seconds', async () => {
    child = aProcess(1);
    const frozen = child;
    await eventually(hasOwner, 15_000);
    worker = await aWorker(testing.database, { projections: [pressCounts], leases: production });
    const position = await worker.press('red', 1);
    await eventually(() => expect(frozen.said()).toContain('freezing'));
    const killedAt = performance.now();
    frozen.process.kill('SIGKILL');
    await reached(worker, position);
    expect(performance.now() - killedAt).toBeLessThan(5_000);
    expect(await counted(testing.database)).toEqual({ red: 1 });
  }, 40_000);
});

describe('the write of a former owner', () => {
  const events = [pressedAt(1n, 1), pressedAt(2n, 2)];

  async function owned(epoch: number): Promise<Build> {
    const builds = new Builds(testing.database);
    const build = await builds.claim(await theLiveBuild(testing.database, pressCounts), epoch);
    if (build === undefined) throw new Error('The claim was refused.');
    return build;
  }

  test('that is under way is waited for, and counted', async () => {
    const writer = new BatchWriter(testing.database, pressCounts);
    const first = await owned(1);
    expect(await writer.write(first, { events: [pressedAt(1n, 1)], upTo: 1n })).toBe(true);

    // A reader's lock on the row holds the statement up after it has moved the checkpoint.
    const holdUp = await testing.database.pool.connect();
    await holdUp.query('begin');
    await holdUp.query('select * from press_counts_v1.press_counts for update');
    const late = writer.write({ ...first, position: 1n }, { events: [pressedAt(2n, 2)], upTo: 2n });
    await waitingForALock(1);
    const claim = owned(2);
    await waitingForALock(2);
    await holdUp.query('commit');
    holdUp.release();

    expect(await late).toBe(true);
    expect(await claim).toMatchObject({ epoch: 2, position: 2n });
    expect(await counted(testing.database)).toEqual({ red: 3 });
  });

  test('that comes while it is being replaced writes nothing', async () => {
    const writer = new BatchWriter(testing.database, pressCounts);
    const first = await owned(1);
    const claiming = await testing.database.pool.connect();
    await claiming.query('begin');
    await claiming.query('update projecting.builds set epoch = 2');
    const late = writer.write(first, { events, upTo: 2n });
    await waitingForALock(1);
    await claiming.query('commit');
    claiming.release();
    expect(await late).toBe(false);
    expect(await counted(testing.database)).toEqual({});
    expect(await owned(2)).toMatchObject({ position: 0n });
  });

  test('that is sent twice counts once', async () => {
    const writer = new BatchWriter(testing.database, pressCounts);
    const first = await owned(1);
    const both = await Promise.all([
      writer.write(first, { events, upTo: 2n }),
      writer.write(first, { events, upTo: 2n }),
    ]);
    expect(both.sort()).toEqual([false, true]);
    expect(await counted(testing.database)).toEqual({ red: 3 });
  });

  test('that tries a dead letter again, and is sent twice, counts once', async () => {
    const writer = new BatchWriter(testing.database, pressCounts);
    const first = await owned(1);
    const letter = {
      event_id: '1',
      stream: 'button-red',
      key: 'button-red',
      type: 'Pressed',
      error: 'x',
      message: 'x',
    };
    const letters = [{ ...letter, position: 1n, state: 'poisoned' as const }];
    expect(await writer.write(first, { events: [], upTo: 1n, letters })).toBe(true);
    const retry = { events: [pressedAt(1n, 5)], upTo: 1n, retries: 1n };
    const build = { ...first, position: 1n };
    const both = await Promise.all([writer.write(build, retry), writer.write(build, retry)]);
    expect(both.sort()).toEqual([false, true]);
    expect(await writer.write(build, retry)).toBe(false);
    expect(await counted(testing.database)).toEqual({ red: 5 });
  });

  test('with an older epoch cannot claim the build back', async () => {
    await owned(5);
    await expect(owned(4)).rejects.toThrow('refused');
  });
});

describe('connections that break in the middle of batches', () => {
  test('never part the checkpoint from the rows', async () => {
    worker = await aWorker(testing.database, { projections: [pressCounts] });
    await slowedDown();
    let terminated = 0;
    for (let round = 0; terminated < 8; round += 1) {
      const last = await worker.press(`b${String(round % 4)}`, 1, 2, 3, 4);
      const broken = await terminateWriters();
      if (broken > 0) await reached(worker, last, 15_000);
      terminated += broken;
    }
    expect(worker.failures).toHaveLength(terminated);
    expect(await counted(testing.database)).toEqual(await recounted(testing.database));
    expect(await worker.letters.list()).toEqual([]);
  }, 40_000);
});

async function reached(by: Worker, position: bigint, waitMs = 6_000): Promise<void> {
  expect(await by.progress.waitFor('press_counts', position, waitMs)).toMatchObject({ reached: true });
}

async function hasOwner(): Promise<void> {
  const { rowCount } = await testing.database.pool.query(
    `select 1 from projecting.leases where owner is not null and name like 'projection %'`,
  );
  expect(rowCount).toBe(1);
}

function pressedAt(position: bigint, times: number): RecordedEvent {
  const event = { type: 'Pressed', button: 'red', times };
  return {
    position,
    stream: 'button-red',
    version: Number(position),
    id: String(position),
    schemaVersion: 1,
    event,
    metadata: { correlationId: 'test' },
    recordedAt: new Date(0),
  };
}

async function waitingForALock(count: number): Promise<void> {
  await eventually(async () => {
    const { rowCount } = await testing.database.pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(rowCount).toBe(count);
  });
}

/** Each row takes a while, so that a connection can be broken between the first row of a batch and its commit. */
async function slowedDown(): Promise<void> {
  await testing.database.pool.query(`
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$`);
  await testing.database.pool.query(`
    create trigger slow before insert or update on press_counts_v1.press_counts for each row execute function slow()`);
}

async function terminateWriters(): Promise<number> {
  await sleep(10);
  const { rowCount } = await testing.database.pool.query(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and state = 'active' and query like 'with moved as%' and wait_event = 'PgSleep'`);
  return rowCount ?? 0;
}
