import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { durableTables } from '../../src/platform/backing-up/durable-tables.js';
import { verifyBackup } from '../../src/platform/backing-up/read-backup.js';
import { restoreBackup, restoreLock } from '../../src/platform/backing-up/restore-backup.js';
import { takeBackup } from '../../src/platform/backing-up/take-backup.js';
import { Database } from '../../src/platform/database/database.js';
import { chorus, RunningCommand } from '../support/a-program.js';
import { aDatabase, anEmptyDatabase, type TestDatabase } from '../support/a-database.js';
import { testFolder } from '../support/test-folder.js';
import { aWorker, counted, pressCounts, recounted, until } from './projecting.worker.js';

let source: TestDatabase;
let target: TestDatabase;
let folder: string;
let file: string;

beforeEach(async () => {
  source = await aDatabase({ connectionsMax: 14 });
  target = await anEmptyDatabase();
  folder = mkdtempSync(join(testFolder(), 'backup-'));
  file = join(folder, 'a.backup');
});

afterEach(async () => {
  await source.close();
  await target.close();
});

/** Events with texts that are easily spoilt on the way, and rows in every table that a backup holds. */
async function aPast(events: number): Promise<void> {
  await source.database.pool.query(
    `insert into log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
     select n, 'button-' || n % 7, n, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Pressed', 1,
       ('{"button" :  "red \\u00e9 ' || n || '\\n\\\\", "times": 1, "exact": 0.10}')::json, '{"correlationId":"test"}'::json,
       '2026-03-01 10:00:00.123+00'::timestamptz + n * interval '1 second'
     from generate_series(1, $1::integer) as n`,
    [events],
  );
  await source.database.pool.query(
    `insert into log.commands select 'c' || position, 'f', position, position, recorded_at from log.events`,
  );
  await source.database.pool.query(
    `insert into reacting.checkpoints (process, position, epoch, anchor_position, anchor_event)
     values ('closing', $1, 41, $1, 'x'), ('early', 2, 3, 2, 'y')`,
    [events],
  );
  await source.database.pool.query(
    `insert into reacting.dead_letters (process, position, stream, event_id, type, state, attempts, message)
     select 'closing', position, stream, id, type, 'poisoned', 3, E'tab\\tnull \\\\N' from log.events where position in (2, $1)`,
    [events],
  );
  await source.database.pool.query(
    `insert into reacting.skipped_events (process, position, stream, event_id, type, reason, skipped_by)
     values ('closing', 1, 's', gen_random_uuid(), 'Pressed', 'because', 'ada')`,
  );
  await source.database.pool.query(
    `insert into reacting.deadlines (process, key, state, position, step, due_at, try_at, category, id, payload, cause)
     values ('closing', 'k', 'set', 2, 1, now(), now(), 'table', '1', '{"type": "Close"}', '{}'),
            ('closing', 'l', 'cancelled', $1, 1, null, null, null, null, null, null)`,
    [events],
  );
}

async function contentOf({ database }: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const content: Record<string, string> = {};
  for (const table of durableTables) {
    // Leases count anew in another database, and the log has another identity.
    const row = table === 'reacting.checkpoints' ? 'row(process, position, anchor_position, moved_at)' : 't';
    const { rows } = await database.pool.query(
      `select coalesce(string_agg(${row}::text, E'\\n' order by t::text), '') as content from ${table} as t`,
    );
    content[table] = z.tuple([z.object({ content: z.string() })]).parse(rows)[0].content;
  }
  return content;
}

async function heldBy({ database }: TestDatabase, sql: string): Promise<readonly unknown[]> {
  return (await database.pool.query<Record<string, unknown>>(sql)).rows;
}

describe('a backup', () => {
  test('brings everything back to the byte, under another identity of the log', async () => {
    await aPast(5_000);
    const taken = await takeBackup(source.database, file);
    expect(taken.rows).toEqual({
      'log.events': 5_000,
      'log.commands': 5_000,
      'reacting.checkpoints': 2,
      'reacting.dead_letters': 2,
      'reacting.skipped_events': 1,
      'reacting.deadlines': 2,
    });
    expect(await verifyBackup(file)).toEqual(taken);
    const restored = await restoreBackup(target.database, { file });
    expect(restored).toMatchObject({ position: 5_000n, rows: taken.rows });
    expect(await contentOf(target)).toEqual(await contentOf(source));
    expect(await target.database.migrate()).toEqual([]);
    const identity = 'select id, number::integer, restoring from log.epoch';
    const [before, after] = [await heldBy(source, identity), await heldBy(target, identity)];
    expect(after).toMatchObject([{ number: 2, restoring: null }]);
    expect(after).not.toEqual(before);
    expect(await heldBy(target, 'select distinct epoch::integer from reacting.checkpoints')).toEqual([{ epoch: 0 }]);
  });

  test('holds one moment, while the program goes on', async () => {
    const worker = await aWorker(source.database, { projections: [pressCounts] });
    await worker.press('red', ...Array.from({ length: 4_000 }, () => 1));
    const writing = (async () => {
      for (let round = 0; round < 30; round += 1) await worker.press('blue', 1, 1, 1);
    })();
    const { head } = await takeBackup(source.database, file);
    await writing;
    await worker.stop();
    expect((await verifyBackup(file)).head).toEqual(head);
    await restoreBackup(target.database, { file });
    const again = await aWorker(target.database, { projections: [pressCounts] });
    expect(await again.progress.waitFor('press_counts', BigInt(head.position), 8_000)).toMatchObject({ reached: true });
    expect(await counted(target.database)).toEqual(await recounted(target.database));
    await again.stop();
  });

  test('of an empty log is one, too', async () => {
    await takeBackup(source.database, file);
    expect(await restoreBackup(target.database, { file })).toMatchObject({ position: 0n });
    expect(await target.database.migrate()).toEqual([]);
  });

  test('covers every table that nothing else can make again', async () => {
    const { rows } = await source.database.pool.query(
      `select schemaname || '.' || tablename as name from pg_tables
       where schemaname !~ '^(pg_|information_schema$)' and schemaname <> 'projecting' order by 1`,
    );
    const madeAgain = ['public.migrations', 'log.epoch'];
    const names = z.array(z.object({ name: z.string() })).parse(rows);
    expect(names.map(({ name }) => name).sort()).toEqual([...durableTables, ...madeAgain].sort());
  });
});

describe('a restore to an older point', () => {
  test('by position leaves out what came later, everywhere', async () => {
    await aPast(100);
    await takeBackup(source.database, file);
    expect(await restoreBackup(target.database, { file, upTo: 60n })).toMatchObject({ position: 60n });
    const counts = `select (select count(*) from log.events)::integer as events, (select count(*) from log.commands)::integer as commands,
      (select count(*) from reacting.dead_letters)::integer as letters, (select count(*) from reacting.deadlines)::integer as deadlines`;
    expect(await heldBy(target, counts)).toEqual([{ events: 60, commands: 60, letters: 1, deadlines: 1 }]);
    expect(
      await heldBy(target, 'select process, position::integer, anchor_event from reacting.checkpoints order by 1'),
    ).toEqual([
      { process: 'closing', position: 60, anchor_event: null },
      { process: 'early', position: 2, anchor_event: 'y' },
    ]);
  });

  test('by time ends with the last event of that time', async () => {
    await aPast(100);
    await takeBackup(source.database, file);
    const upTo = new Date('2026-03-01T10:00:30.123Z');
    expect(await restoreBackup(target.database, { file, upTo })).toMatchObject({ position: 30n });
  });

  test('of the log alone brings nothing else', async () => {
    await aPast(100);
    await takeBackup(source.database, file);
    expect(await restoreBackup(target.database, { file, logOnly: true })).toMatchObject({
      rows: { 'log.events': 100 },
    });
    expect(await heldBy(target, 'select * from log.commands')).toEqual([]);
    expect(await heldBy(target, 'select * from reacting.checkpoints')).toEqual([]);
  });
});

describe('a restore is refused', () => {
  test('where something is already', async () => {
    await aPast(3);
    await takeBackup(source.database, file);
    await restoreBackup(target.database, { file });
    await expect(restoreBackup(target.database, { file })).rejects.toThrow(
      'The database is not empty (log.events has rows): restore into a new one.',
    );
    await target.database.migrate();
  });

  test('while a program runs there', async () => {
    await takeBackup(source.database, file);
    const running = await Database.open({ url: target.url, connectionsMax: 1, applicationName: 'chorus worker' });
    await expect(restoreBackup(target.database, { file })).rejects.toThrow(
      'A program is running on this database (chorus worker): stop it first.',
    );
    await running.close();
    await restoreBackup(target.database, { file });
  });

  test('while another one is under way, but not because of one that has just ended', async () => {
    await takeBackup(source.database, file);
    const other = await target.database.pool.connect();
    await other.query('select pg_advisory_lock($1)', [restoreLock]);
    await expect(restoreBackup(target.database, { file })).rejects.toThrow(
      'Another restore into this database is under way.',
    );
    const restored = restoreBackup(target.database, { file });
    await until(async () => {
      const { rowCount } = await target.database.pool.query(
        `select 1 from pg_locks join pg_database on oid = database
         where datname = current_database() and locktype = 'advisory' and not granted`,
      );
      return rowCount === 1;
    });
    other.release(true);
    await restored;
  });

  test('when the file is not whole, before anything is written', async () => {
    await aPast(500);
    await takeBackup(source.database, file);
    const spoilt = (name: string, spoil: (lines: string[]) => string[]): string => {
      const path = join(folder, name);
      const lines = gunzipSync(readFileSync(file)).toString().split('\n');
      writeFileSync(path, gzipSync(spoil(lines).join('\n')));
      return path;
    };
    const cut = join(folder, 'cut');
    copyFileSync(file, cut);
    truncateSync(cut, 4_000);
    const text = join(folder, 'text');
    writeFileSync(text, 'something else');
    const files: readonly (readonly [string, RegExp])[] = [
      [join(folder, 'missing'), /there is no such file/],
      [folder, /it is a folder/],
      [cut, /it is cut off/],
      [text, /it is damaged, or no backup/],
      [spoilt('value', (lines) => lines.map((line) => line.replace('e9 77', 'e9 78'))), /not what was written/],
      [spoilt('gap', (lines) => lines.filter((_, at) => at !== 9)), /its log has position 9 after 7/],
      [spoilt('end', (lines) => [...lines.slice(0, -2), '']), /it has no end/],
      [spoilt('more', (lines) => [...lines.slice(0, -1), '[]', '']), /it goes on after its end/],
    ];
    for (const [path, why] of files) await expect(restoreBackup(target.database, { file: path })).rejects.toThrow(why);
    expect(await target.database.doneMigrations()).toEqual([]);
  });

  test('when the backup is of a newer program', async () => {
    await source.database.pool.query(`insert into migrations (timestamp, name) values (1900000000000, 'Tomorrow')`);
    await takeBackup(source.database, file);
    await expect(restoreBackup(target.database, { file })).rejects.toThrow(
      'The backup is of a newer program (Tomorrow): restore it with that one.',
    );
  });
});

describe('the chorus command, killed in the middle', () => {
  const events = 60_000;
  const run = (database: TestDatabase, ...args: string[]) =>
    RunningCommand.spawn(folder, args, { DATABASE_URL: database.url });

  test('of a backup leaves nothing that looks like one', async () => {
    await aPast(events);
    const command = run(source, 'backup', '--to', file);
    await until(() => existsSync(`${file}.partial`) && readFileSync(`${file}.partial`).length > 0);
    expect(await command.signal('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(file)).toBe(false);
    await expect(verifyBackup(`${file}.partial`)).rejects.toThrow(/is not a usable backup/);
    const again = await run(source, 'backup', '--to', file, '--json').ended;
    expect(JSON.parse(again.stdout)).toMatchObject({ position: events, rows: { 'log.events': events } });
    const verified = await chorus(folder, ['backup', 'verify', file, '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ position: events, rows: { 'log.events': events } });
  });

  test('of a restore leaves a database that says so, and can be started again', async () => {
    await aPast(events);
    await takeBackup(source.database, file);
    const command = run(target, 'restore', file, '--yes');
    await until(async () => (await target.database.restoring()) !== undefined);
    await sleep(100);
    expect(await command.signal('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await expect(target.database.migrate()).rejects.toThrow(
      /A restore of a.backup into the database at .* has not come to its end: run it again/,
    );
    // The server needs a moment to notice that nobody is there any more.
    await until(async () => (await run(target, 'restore', file, '--yes').ended).code === 0);
    expect(await contentOf(target)).toEqual(await contentOf(source));
    expect(await target.database.migrate()).toEqual([]);
  });
});
