import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { joined, left, liked } from '../interactive-prompts/stays.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aDataFolder, chorus } from '../support/a-program.js';
import { aWorker } from './projecting.worker.js';

let testing: TestDatabase;
const folder = aDataFolder();
const { promptUid } = joined(0);

beforeAll(async () => {
  testing = await aDatabase();
  const worker = await aWorker(testing.database, {
    projections: [eventCounts],
    codec: new EventCodec([promptSessionEvents]),
  });
  const events = [joined(0), liked(2, 2), liked(2, 3), left(15, 4)];
  const writes = [{ stream: 'promptSession-1', expected: 'none', events }] as const;
  const { position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } });
  await worker.progress.waitFor('event_counts', position, 5_000);
  await worker.stop();
});
afterAll(() => testing.close());

const run = (...args: readonly string[]) => chorus(folder, ['projections', ...args], { DATABASE_URL: testing.url });
const setTotal = (total: number) =>
  testing.database.pool.query('update event_counts_v2.event_counts set total = $1 where bucket = 2', [total]);

describe('chorus projections explain', () => {
  test('prints the row and the events that made it, newest first', async () => {
    const { stdout, stderr, code } = await run('explain', 'event_counts', promptUid, '2');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^event_counts \(event_counts\) at position 4\n/);
    expect(stdout).toMatch(
      /Made by 2 events, newest first:\n\n +3 {2}\S+ {2}PromptLiked {2}promptSession-1@3 {2}changed/,
    );
    expect(stdout).toMatch(/total: 1 -> 2 \(\+1\)\n\n +2 /);
  });

  test('prints data when asked to', async () => {
    const { stdout } = await run(
      'explain',
      'event_counts',
      'bucket=2',
      `prompt_uid=${promptUid}`,
      '--limit',
      '1',
      '--json',
    );
    expect(JSON.parse(stdout)).toMatchObject({
      agrees: true,
      row: { total: 2 },
      events_total: 2,
      events: [{ position: 3 }],
    });
  });

  test('says what it cannot understand', async () => {
    expect(await run('explain', 'event_counts', '2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('A row of event_counts is named by prompt_uid (text), bucket (integer)'),
    });
    expect(await run('explain', 'event_count', '2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no table event_count.'),
    });
  });
});

describe('chorus projections self-check', () => {
  test('finds a row that somebody edited, exits with 1, and finds it right again', async () => {
    expect(await run('self-check', 'event_counts')).toMatchObject({
      code: 0,
      stdout: 'event_counts: 3 rows are what the log makes of them, at 4.\n',
    });
    await setTotal(7);
    const { code, stdout } = await run('self-check', 'event_counts');
    expect(code).toBe(1);
    expect(stdout).toContain('event_counts: 1 of 3 rows are not what the log makes of them, at 4.');
    expect(stdout).toContain('total: 7 in the table, 2 from the log');
    expect(stdout).toMatch(/ 3 {2}\S+ {2}PromptLiked {2}promptSession-1\n +2 {2}\S+ {2}PromptLiked/);
    const explained = await run('explain', 'event_counts', promptUid, '2');
    expect(explained).toMatchObject({ code: 1, stderr: expect.stringContaining('It needs a rebuild.') });
    await setTotal(2);
    const again = await run('self-check', 'event_counts', '--json');
    expect(again.stderr).toContain('looking at the rows again that were wrong the last time');
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'clean', rows: 3 });
  });

  test('says which read models there are', async () => {
    expect(await run('self-check', 'nothing')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no read model nothing.'),
    });
  });
});
