import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { eventFamilies, upcasts } from '../../src/app/events.js';
import { writeLegacyExample } from '../../src/ops/legacy/legacy-example.js';
import { LegacyFile } from '../../src/ops/legacy/legacy-file.js';
import { importJourneys, verifyJourneys } from '../../src/ops/legacy/legacy-journeys.js';
import type { LegacyReport } from '../../src/ops/legacy/legacy-report.js';
import { oddities } from '../../src/ops/legacy/oddities.js';
import { namedDifferences } from '../../src/ops/legacy/comparison.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase } from '../support/a-database.js';
import { chorus, RunningCommand } from '../support/a-program.js';
import { eventually } from '../support/eventually.js';
import { testFolder } from '../support/test-folder.js';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(testFolder(), 'legacy-'));
  file = join(folder, 'old.sqlite');
  writeLegacyExample(file, { events: 2_000 });
});
afterAll(async () => {
  await Promise.all(logs.map((log) => log.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** A copy in which something is another way. */
function copyWith(sql: string): string {
  const path = join(folder, 'copy.sqlite');
  copyFileSync(file, path);
  const legacy = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  legacy.exec(sql);
  legacy.close();
  return path;
}

const logs: { close(): Promise<void> }[] = [];

/** A log of its own, and the import without the start of a command. */
async function aLog() {
  const { url, database, close } = await aDatabase();
  const codec = new EventCodec(eventFamilies, upcasts);
  const limits = { eventBytesMax: 1_048_576, appendEventsMax: 10_000, appendQueueMax: 20_000 };
  const store = new PostgresEventStore(database, codec, limits);
  const log = { database, store, codec };
  const opened = {
    url,
    import: async (path = file, { verify = true } = {}): Promise<LegacyReport> => {
      using legacy = LegacyFile.open(path);
      return await importJourneys(log, legacy, { verify });
    },
    verify: async (path = file): Promise<LegacyReport> => {
      using legacy = LegacyFile.open(path);
      return await verifyJourneys(log, legacy);
    },
    query: (sql: string) => database.pool.query<Record<string, unknown>>(sql),
    /** Everything but when it was recorded, and where in the log. */
    content: async (): Promise<unknown> => {
      const { rows } = await database.pool.query(
        `select count(*), count(distinct stream) as streams,
           md5(string_agg(concat_ws(' ', stream, version, id, type, schema_version, data, metadata), '|'
             order by stream, version))
         from log.events`,
      );
      return rows[0];
    },
    close: async () => {
      await store.close();
      await close();
    },
  };
  logs.push(opened);
  return opened;
}

const failuresIn = ({ comparison }: LegacyReport): readonly string[] =>
  comparison?.tables.flatMap(({ table, failures }) => failures.map(({ what }) => `${table} ${what}`)) ?? [
    'nothing was compared',
  ];

describe('importing journeys', () => {
  let log: Awaited<ReturnType<typeof aLog>>;
  let first: LegacyReport;

  beforeAll(async () => {
    log = await aLog();
    first = await log.import();
  });

  test('brings all there is but what it lists with a reason', () => {
    for (const [what, tally] of Object.entries(first.imported ?? {})) {
      expect([what, tally.read]).toEqual([what, tally.imported + tally.leftOut]);
      expect(first.left_out.filter((row) => `${row.what}s` === what)).toHaveLength(tally.leftOut);
    }
    expect(first.imported?.events.imported).toBeGreaterThan(1_500);
    for (const { why } of first.left_out) expect(why).toMatch(/\.$/);
  });

  test('names everything that is odd about the file', () => {
    expect(first.oddities.map(({ oddity }) => oddity)).toEqual(Object.keys(oddities).toSorted());
  });

  test('leads to read models that differ from the old tables by named differences only', () => {
    expect(failuresIn(first)).toEqual([]);
    expect(first.comparison?.clean).toBe(true);
    const compared = new Map(first.comparison?.tables.map(({ table, equal }) => [table, equal]));
    expect(compared.get('journey_events')).toBe(first.imported?.events.imported);
    expect(compared.get('journey_event_counts')).toBeGreaterThan(50);
    expect(compared.get('journey_event_fenwick_trees')).toBeGreaterThan(1_000);
    const names = new Set(first.comparison?.tables.flatMap(({ named }) => named.map(({ name }) => name)));
    const { here_since: _, ...atOnce } = namedDifferences;
    expect([...names].toSorted()).toEqual(Object.keys(atOnce).toSorted());
  });

  test('stores what the journey era would have stored, and lifts it for every reader', async () => {
    const { rows } = await log.query(
      `select split_part(stream, '-', 1) as category, type, count(*)::int from log.events group by 1, 2 order by 1, 2`,
    );
    expect(rows.map(({ category, type }) => `${String(category)} ${String(type)}`)).toEqual([
      'journey JourneyDeleted',
      'journey JourneyPublished',
      'journeySession JourneySessionColorAnswered',
      'journeySession JourneySessionJoined',
      'journeySession JourneySessionLeft',
      'journeySession JourneySessionLiked',
      'journeySession JourneySessionNumberAnswered',
      'journeySession JourneySessionPressEnded',
      'journeySession JourneySessionPressStarted',
      'journeySession JourneySessionStarted',
      'journeySession JourneySessionWordAnswered',
      'prompt PromptCreated',
    ]);
    const { rows: read } = await log.query(
      `select distinct left(session_uid, 9) as session, left(uid, 9) as event, left(prompt_uid, 8) as prompt from read.event_search`,
    );
    expect(read).toEqual([{ session: 'oseh_ips_', event: 'oseh_ipe_', prompt: 'oseh_ip_' }]);
  });

  test('a second time has no effect, and says so', async () => {
    const before = await log.content();
    const again = await log.import();
    for (const what of ['journeys', 'sessions', 'events'] as const) {
      expect(again.imported?.[what]).toMatchObject({ imported: 0, there: first.imported?.[what].imported });
    }
    expect(again.comparison).toEqual(first.comparison);
    expect(await log.content()).toEqual(before);
  });

  const ofFirstJourney = 'journey_session_id in (select id from journey_sessions where journey_id = 1)';
  test.each([
    [
      'a sum',
      'update journey_event_fenwick_trees set val = val + 500 where id = 40',
      /^journey_event_fenwick_trees oseh_j_/,
    ],
    [
      'a count',
      'update journey_event_counts set total = total - 1000 where id = 5',
      /^journey_event_counts oseh_j_.* second/,
    ],
    [
      'an event',
      `update journey_events set journey_time = journey_time + 0.5
       where id = (select min(id) from journey_events where evtype = 'like' and ${ofFirstJourney})`,
      /^journey_events oseh_je_/,
    ],
    [
      'an answer',
      `update journey_events set data = '{"index": 7}'
       where id = (select min(id) from journey_events where data like '%index%' and ${ofFirstJourney})`,
      /^journey_events oseh_je_/,
    ],
    [
      'whose session it was',
      `update journey_sessions set user_id = 1
       where id = (select min(id) from journey_sessions where journey_id = 1 and user_id <> 1)`,
      /^journey_sessions oseh_js_/,
    ],
    ['a title', `update journeys set title = 'Another walk' where id = 2`, /^journeys oseh_j_/],
  ])('finds that %s was changed in the file', async (_, sql, found) => {
    const report = await log.verify(copyWith(sql));
    expect(report.comparison?.clean).toBe(false);
    expect(failuresIn(report).some((failure) => found.test(failure))).toBe(true);
  });

  test('ends with 1 when a row was changed here, keeps the report, and prints what differs', async () => {
    await log.query('update read.event_counts set total = total + 1 where bucket = 3');
    const path = join(folder, 'report.json');
    const { code, stdout } = await verifiedBy('--report', path);
    expect(code).toBe(1);
    const report: LegacyReport = JSON.parse(readFileSync(path, 'utf8'));
    const failed = failuresIn(report);
    expect(failed.length).toBeGreaterThan(0);
    for (const what of failed) expect(what).toMatch(/^journey_event_counts oseh_j_\S+ second 3$/);
    expect(stdout).toContain(`\n${failed[0]?.replace(' ', ': ') ?? ''}\n  there `);
    expect(stdout).toContain('There are differences that have no name.');
  });

  test('takes what was added to the file since, into sessions that are there too', async () => {
    const session = `(select s.id from journey_sessions s join journey_events e on e.journey_session_id = s.id
                      where s.journey_id = 1 and e.evtype = 'leave' order by s.id limit 1)`;
    const grown = copyWith(`
      insert into journey_events (uid, journey_session_id, evtype, data, journey_time, created_at)
        select 'oseh_je_000000000000000000new1', ${session}, 'like', '{}', 3, 1700000000;
      insert into journey_sessions (id, journey_id, user_id, uid) values (90001, 1, 1, 'oseh_js_000000000000000000new2');
      insert into journey_events (uid, journey_session_id, evtype, data, journey_time, created_at)
        values ('oseh_je_000000000000000000new3', 90001, 'join', '{}', 0, 1700000000)`);
    const { imported } = await log.import(grown, { verify: false });
    const { sessions, events } = first.imported ?? {};
    expect(imported?.sessions).toMatchObject({ imported: 1, there: sessions?.imported });
    expect(imported?.events).toMatchObject({ imported: 2, there: events?.imported });
  });

  const verifiedBy = (...args: readonly string[]) =>
    chorus(folder, ['legacy', 'verify', 'journeys', file, ...args], { DATABASE_URL: log.url });
});

describe('an import that is killed', () => {
  test('goes on where it stood, and ends as one that was not', async () => {
    const longer = join(folder, 'longer.sqlite');
    writeLegacyExample(longer, { events: 4_000 });
    const [whole, killed] = await Promise.all([aLog(), aLog()]);
    const inOneGo = await whole.import(longer, { verify: false });
    const { rows } = await whole.query(
      `select stream from log.events where stream like 'journeyS%' order by position desc limit 1`,
    );
    await killed.query(`
      create function stall() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';
      create trigger stall before insert on log.events for each row
        when (new.stream = '${String(rows[0]?.['stream'])}') execute function stall()`);
    const command = RunningCommand.spawn(folder, ['legacy', 'import', 'journeys', longer], {
      DATABASE_URL: killed.url,
    });
    await eventually(async () => {
      const { rows: stalled } = await killed.query(sleeping);
      expect(stalled).toHaveLength(1);
    }, 15_000);
    await command.signal('SIGKILL');
    await killed.query(`select pg_terminate_backend(pid) from (${sleeping}) as s`);
    await killed.query('drop function stall cascade');

    const { imported, comparison } = await killed.import(longer);
    const { events, sessions } = imported ?? {};
    expect(events?.there).toBeGreaterThan(1_000);
    expect(sessions?.imported).toBeGreaterThan(0);
    expect((events?.imported ?? 0) + (events?.there ?? 0)).toBe(inOneGo.imported?.events.imported);
    expect(await killed.content()).toEqual(await whole.content());
    expect(comparison?.clean).toBe(true);
  }, 60_000);

  const sleeping = `select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
});

describe('a file', () => {
  test('can be tried without a database', async () => {
    const { code, stdout } = await chorus(folder, ['legacy', 'import', 'journeys', file, '--dry-run', '--json']);
    expect(code).toBe(0);
    const report: LegacyReport = JSON.parse(stdout);
    expect(report).toMatchObject({ dry_run: true, imported: { events: { there: 0 } } });
    expect(report.comparison).toBeUndefined();
  });

  test.each([
    ['is not there', () => join(folder, 'nowhere.sqlite'), 'There is no file'],
    ['is no database', () => join(import.meta.dirname, 'a-journey.ts'), 'cannot be read as a SQLite database'],
    [
      'has another shape',
      () => copyWith('alter table journeys rename column prompt to question; drop table journey_event_counts'),
      'lacks the column journeys.prompt, the table journey_event_counts.',
    ],
    [
      'has a row that holds another kind of thing',
      () => copyWith(`update journey_sessions set user_id = 'Ada' where id = 9`),
      /The file has a row that cannot be read \(uid oseh_js_.*\): user_id: /,
    ],
  ])('that %s is refused with a sentence', (_, path, why) => {
    expect(() => {
      using legacy = LegacyFile.open(path());
      legacy.sessions(0, 1_000);
    }).toThrow(why);
  });

  test('is not overwritten by an example', () => {
    expect(() => writeLegacyExample(file, { events: 1 })).toThrow('is there already');
  });
});
