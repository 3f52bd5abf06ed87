import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { joined, left, liked } from '../interactive-prompts/stays.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aDataFolder, chorus, RunningCommand } from '../support/a-program.js';
import { testFolder } from '../support/test-folder.js';
import { until } from './projecting.worker.js';
import { leftBehind } from './time-travel.buttons.js';

let testing: TestDatabase;
const folder = aDataFolder();
const files = mkdtempSync(join(testFolder(), 'what-if-'));

beforeAll(async () => {
  testing = await aDatabase();
  const store = new PostgresEventStore(testing.database, new EventCodec([promptSessionEvents]), {
    eventBytesMax: 1_000_000,
    appendEventsMax: 10_000,
    appendQueueMax: 10_000,
  });
  const events = [joined(0), liked(2, 2), liked(3, 3), left(15, 4)];
  await store.append({
    writes: [{ stream: 'promptSession-1', expected: 'none', events }],
    metadata: { correlationId: 'test' },
  });
  await store.close();
});
afterAll(() => testing.close());

const run = (...args: readonly string[]) => chorus(folder, args, { DATABASE_URL: testing.url });
function file(name: string, text: string): string {
  const path = join(files, name);
  writeFileSync(path, text);
  return path;
}

describe('chorus as-of', () => {
  test('shows rows, as a table and as JSON', async () => {
    const shown = await run('as-of', '3', 'event_counts', '--order', 'bucket desc');
    expect(shown).toMatchObject({ code: 0, stderr: 'event_counts of event_counts as of position 3: 3 rows.\n' });
    expect(shown.stdout.split('\n').map((line) => line.trim().split(/\s+/).slice(1).join(' '))).toEqual([
      'bucket total',
      '3 1',
      '2 1',
      '0 1',
      '',
    ]);
    const json = await run('as-of', '3', 'event_counts', '--where', 'bucket>0', 'bucket<3', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      model: 'event_counts',
      table: 'event_counts',
      position: 3,
      total: 1,
      rows: [{ prompt_uid: joined(0).promptUid, bucket: 2, total: 1 }],
    });
    expect(json.stderr).toBe('');
  });

  test('shows what is different at another moment', async () => {
    const shown = await run('as-of', '1', 'event_counts', '--diff', '3');
    expect(shown).toMatchObject({ code: 0, stderr: 'event_counts: from position 1 to 3.\n' });
    expect(shown.stdout).toMatch(
      /^event_counts: 2 added, 0 removed, 0 changed\n {2}\+ prompt_uid=\S+ bucket=2 {3}total: 1\n/,
    );
  });

  test('says in a sentence what is wrong, and exits with 1', async () => {
    expect(await run('as-of', '99', 'event_counts')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'The log ends at position 4.\n',
    });
    const unknown = await run('as-of', '1', 'nothing');
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^There is no read model "nothing"\. There are: .*prefix_sums/),
    });
    const when = await run('as-of', 'yesterday', 'event_counts');
    expect(when).toMatchObject({ code: 1, stderr: expect.stringContaining('a time with its zone') });
  });
});

describe('chorus what-if', () => {
  test('shows what would be different without events, with others, and with more', async () => {
    const without = await run('what-if', 'event_counts', '--without', 'type=PromptLiked,position=2', '--json');
    expect(JSON.parse(without.stdout)).toMatchObject({
      left_out: 1,
      tables: [{ removed: 1, differences: [{ key: { bucket: 2 } }] }],
    });
    const later = file(
      'later.mjs',
      `export const later = (event) => ({ ...event, data: { ...event.data, promptTime: Math.min(15, event.data.promptTime + 1) } });`,
    );
    const changed = await run('what-if', 'event_counts', '--as-of', '3', '--change', later);
    expect(changed.stderr).toBe('event_counts as of position 3: of 3 events, 0 left out and 3 changed; 0 added.\n');
    expect(changed.stdout).toMatch(/2 added, 2 removed, 0 changed/);
    const { type, ...data } = liked(2, 9);
    const more = file('more.ndjson', `${JSON.stringify({ stream: 'promptSession-1', type, data })}\n`);
    const injected = await run('what-if', 'event_counts', '--inject', more);
    expect(injected.stdout).toContain('bucket=2   total: 1 -> 2');
  });

  test('refuses files that are not what they should be', async () => {
    const asked = async (...args: readonly string[]) => (await run('what-if', 'event_counts', ...args)).stderr;
    expect(await asked()).toBe('Say what should have been otherwise: --without, --change or --inject.\n');
    expect(await asked('--change', join(files, 'no.mjs'))).toMatch(/no\.mjs cannot be loaded/);
    expect(await asked('--change', file('two.mjs', 'export const a = () => 1, b = () => 2;'))).toMatch(
      /but it exports 2/,
    );
    expect(await asked('--inject', join(files, 'no.ndjson'))).toMatch(/cannot be read \(ENOENT\)/);
  });
});

/**
 * A change that waits for a file: so that the process can be met in the middle of a fold, with its scratch build in the
 * database, however fast or slow the machine is.
 */
function waiting(name: string): { readonly change: string; goOn(): void } {
  const go = join(files, `${name}.go`);
  const change = file(
    `${name}.mjs`,
    `import { existsSync } from 'node:fs';
     const pause = new Int32Array(new SharedArrayBuffer(4));
     export default (event) => {
       while (!existsSync(${JSON.stringify(go)})) Atomics.wait(pause, 0, 0, 10);
       return event;
     };`,
  );
  const goOn = (): void => {
    writeFileSync(go, '');
  };
  return { change, goOn };
}

describe('a command that is ended in the middle of its fold', () => {
  const begun = async (change: string) => {
    const command = RunningCommand.spawn(folder, ['what-if', prefixSums.name, '--change', change], {
      DATABASE_URL: testing.url,
    });
    await until(async () => (await leftBehind(testing.database)).length === 1);
    return command;
  };

  test('by Ctrl-C drops what it made', async () => {
    const { change, goOn } = waiting('interrupted');
    const command = await begun(change);
    // Nobody else takes it for a build of a read model.
    expect(await run('projections', 'list', '--json')).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining('scratch'),
    });
    const ended = command.signal('SIGINT');
    goOn();
    expect(await ended).toMatchObject({
      code: 130,
      stdout: '',
      stderr: 'Stopping, and dropping what was made for it.\n',
    });
    expect(await leftBehind(testing.database)).toEqual([]);
  });

  test('by kill -9 leaves it to the next one, who leaves alone what somebody still uses', async () => {
    const { change, goOn } = waiting('killed');
    const killed = await begun(change);
    const [dead] = await leftBehind(testing.database);
    await killed.signal('SIGKILL');
    expect(await leftBehind(testing.database)).toEqual([dead]);

    const alive = RunningCommand.spawn(folder, ['what-if', prefixSums.name, '--change', change], {
      DATABASE_URL: testing.url,
    });
    // It drops the dead one and makes its own.
    await until(async () => {
      const [only, ...more] = await leftBehind(testing.database);
      return more.length === 0 && only !== undefined && only !== dead;
    });
    expect(await run('as-of', '3', 'event_counts')).toMatchObject({ code: 0 });
    expect(await leftBehind(testing.database)).toHaveLength(1);
    goOn();
    expect(await alive.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('prefix_sums: no difference') });
    expect(await leftBehind(testing.database)).toEqual([]);
  });
});
