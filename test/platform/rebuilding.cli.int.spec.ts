import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { joinStatistics } from '../../projections/interactive-prompts/join-statistics.js';
import { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { joined, left, liked } from '../interactive-prompts/stays.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aDataFolder, chorus } from '../support/a-program.js';
import { aWorker } from './projecting.worker.js';

let testing: TestDatabase;
const folder = aDataFolder();

/** No worker runs: the commands do the work themselves. */
beforeAll(async () => {
  testing = await aDatabase();
  const worker = await aWorker(testing.database, {
    projections: [eventCounts, joinStatistics],
    codec: new EventCodec([promptSessionEvents]),
  });
  const events = [joined(0), liked(2, 2), liked(2, 3), left(15, 4)];
  const writes = [{ stream: 'promptSession-1', expected: 'none', events }] as const;
  const { position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } });
  for (const name of ['event_counts', 'join_statistics']) await worker.progress.waitFor(name, position, 5_000);
  await worker.stop();
});
afterAll(() => testing.close());

const run = (...args: readonly string[]) => chorus(folder, ['projections', ...args], { DATABASE_URL: testing.url });

describe('chorus projections', () => {
  test('builds anew, compares, switches, takes it back and ends, without a worker', async () => {
    const rebuilt = await run('rebuild', 'event_counts', '--yes');
    expect(rebuilt).toMatchObject({ code: 0 });
    expect(rebuilt.stderr).toMatch(/^event_counts: 4 events \([\d,]+ bytes\), about 1 s, and [\d,]+ bytes of disk/);
    expect(rebuilt.stdout).toBe('event_counts: equal at position 4: event_counts (3 rows).\n');
    expect(rebuilt.stderr).toContain('event_counts: ready, equal at position 4\nReaders see it after:');
    expect((await run('list')).stdout).toMatch(/event_counts +2 +building/);

    expect(await run('verify', 'event_counts')).toMatchObject({ code: 0 });
    const switched = await run('switch', 'event_counts', '--yes');
    expect(switched).toMatchObject({ code: 0 });
    expect((await run('status', 'event_counts')).stdout).toMatch(
      /^event_counts: switched; the previous build is kept until [\d-]+T[\d:.]+Z\n$/,
    );
    expect((await run('list')).stdout).toMatch(/event_counts +2 +previous/);

    expect(await run('rollback', 'event_counts', '--yes')).toMatchObject({ code: 0 });
    expect(await run('retire', 'event_counts', '--yes')).toMatchObject({ code: 0 });
    expect((await run('status', 'event_counts')).stdout).toBe('event_counts: rolled back\n');
    expect((await run('list')).stdout).not.toContain('retired');
    const { rowCount } = await testing.database.pool.query(
      `select from pg_namespace where nspname like 'event_counts%'`,
    );
    expect(rowCount).toBe(1);
  }, 60_000);

  test('says what differs, ends with 1, and goes on when the difference is named', async () => {
    const change = (total: number) =>
      testing.database.pool.query(
        `update read.event_counts set total = $1 where bucket = (select min(bucket) from read.event_counts)`,
        [total],
      );
    await change(77);
    const stopped = await run('rebuild', 'event_counts', '--switch', '--yes');
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toMatch(
      /event_counts differs in 1 row: {.*} changed \(total 77 -> 1\), last touched by \w+ at/,
    );
    expect(stopped.stdout).toMatch(
      /^event_counts: 1 row differs\n +~ bucket=\d+ prompt_uid=\S+ +total: 77 -> 1\n +1 {2}\S+Z {2}SessionJoined {2}promptSession-1 {2}created\n$/,
    );
    expect((await run('verify', 'event_counts', '--json')).code).toBe(1);
    expect((await run('switch', 'event_counts', '--expect', 'event_counts.total', '--yes')).code).toBe(0);
    const shown = await run('status', 'event_counts', '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject([{ state: 'switched', expected: ['event_counts.total'] }]);
  }, 60_000);

  test('tells a script every step as a line of JSON', async () => {
    const { stdout, code } = await run(
      'rebuild',
      'join_statistics',
      '--switch',
      '--yes',
      '--json',
      '--throttle',
      '1000',
    );
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines[0]).toMatchObject({ projection: 'join_statistics', problem: null });
    expect(lines.at(-1)).toMatchObject({ state: 'switched', percent: 100, report: { equal: true }, throttle: 1_000 });
  }, 60_000);

  test('does nothing that it was not told to', async () => {
    const asked = await run('rebuild', 'event_counts');
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('say --yes') });
    const unknown = await run('plan', 'event_cuonts');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no projection event_cuonts') });
    const nothing = await run('rollback', 'prefix_sums', '--yes');
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('no previous build to go back to') });
  }, 60_000);

  test('pauses and resumes a read model', async () => {
    expect(await run('pause', 'event_counts')).toMatchObject({ code: 0 });
    expect((await run('list')).stdout).toMatch(/event_counts +2 +live, paused/);
    expect(await run('resume', 'event_counts')).toMatchObject({ code: 0 });
    expect((await run('list')).stdout).not.toContain('paused');
  }, 60_000);
});
