import { spawn } from 'node:child_process';
import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { aServer, type BenchServer } from './a-server.js';
import { fillLog } from './analyse-log.js';
import { Usage } from './process-usage.js';
import { alternate, median, rounded } from './rounds.js';
import { atMost, type Run, type Stage } from './run.js';

/**
 * What an analyst waits for who takes the whole log along: `events export` to Parquet, by type and day, and then a group-by over
 * all of it through `chorus sql`, each in a process of its own like on a command line. PostgreSQL answers the same question, and
 * has to agree; as the plainest thing that could be done instead it writes the same rows to one CSV file, by itself.
 */
export const analyse: Run<'events' | 'rounds'> = {
  name: 'analyse',
  describe: 'Export to Parquet and a group-by over it, against copy to CSV and the same group-by by PostgreSQL.',
  options: {
    events: { default: 1_000_000, describe: 'events in the log' },
    rounds: { default: 3, describe: 'how often the sides take turns' },
  },
  secondsMax: ({ events, rounds }) => 60 + (events / 10_000) * (1 + rounds),
  targets: [
    atMost('total_s', 30),
    atMost('export_peak_rss_mb', 1_024),
    { field: 'results_equal', says: 'true', is: (value) => value === true, mustHold: true },
  ],
  run: async ({ events, rounds }, stage) => {
    const server = await aServer(stage);
    stage.say(`Writing ${String(events)} events`);
    await fillLog(server.database.pool, events, stage.signal);
    const measured = await alternate(
      { ours: () => byExport(server, stage), plain: () => byPostgres(server) },
      {
        rounds,
        signal: stage.signal,
        after: (side, { exportS, queryS }) => {
          stage.say(`${side}: ${String(rounded(exportS))} s to write, ${String(rounded(queryS))} s to ask`);
        },
      },
    );
    const ours = measured.get('ours') ?? [];
    const plain = measured.get('plain') ?? [];
    const middle = (sides: readonly Measured[], field: 'exportS' | 'queryS' | 'bytes') =>
      median(sides.map((each) => each[field]));
    const totalS = median(ours.map(({ exportS, queryS }) => exportS + queryS));
    return {
      events,
      export_s: rounded(middle(ours, 'exportS')),
      query_s: rounded(middle(ours, 'queryS')),
      total_s: rounded(totalS),
      events_per_s: rounded(events / middle(ours, 'exportS')),
      export_cpu_s: rounded(median(ours.map(({ used }) => used[0]?.cpuSeconds ?? 0))),
      export_peak_rss_mb: peakMb(ours, 0),
      query_peak_rss_mb: peakMb(ours, 1),
      bytes: middle(ours, 'bytes'),
      groups: plain[0]?.rows.length ?? 0,
      results_equal: [...ours, ...plain].every(({ rows }) => isDeepStrictEqual(rows, plain[0]?.rows)),
      copy_csv_s: rounded(middle(plain, 'exportS')),
      copy_csv_bytes: middle(plain, 'bytes'),
      postgres_query_s: rounded(middle(plain, 'queryS')),
      export_to_copy: rounded(middle(ours, 'exportS') / middle(plain, 'exportS')),
    };
  },
};

function peakMb(sides: readonly Measured[], nth: 0 | 1): number {
  return rounded(Math.max(...sides.map(({ used }) => used[nth]?.residentBytes ?? 0)) / 1_048_576);
}

/** Both databases understand it, word for word. */
const question = `
  select type, data ->> 'promptUid' as prompt, recorded_at::date::text as day, count(*) as events,
    count(distinct stream) as stays, max((data ->> 'promptTime')::double precision) as latest
  from log.events group by 1, 2, 3`;

const Row = z.object({
  type: z.string(),
  prompt: z.string(),
  day: z.string(),
  events: z.coerce.number(),
  stays: z.coerce.number(),
  latest: z.number().nullable(),
});
type Row = z.output<typeof Row>;

interface Measured {
  readonly exportS: number;
  readonly queryS: number;
  readonly bytes: number;
  readonly rows: readonly Row[];
  /** By the export and by the question; unknown of the server. */
  readonly used: readonly Usage[];
}

async function byExport(server: BenchServer, stage: Stage): Promise<Measured> {
  const folder = join(server.folder, 'export');
  const exported = await chorus(server, stage, ['events', 'export', '--to', folder, '--by', 'type,day', '--json']);
  const asked = await chorus(server, stage, ['sql', question, '--export', folder, '--json']);
  await rm(folder, { recursive: true });
  const { bytes } = z.object({ bytes: z.number() }).parse(JSON.parse(exported.printed));
  const lines = asked.printed.trimEnd().split('\n');
  return {
    exportS: exported.seconds,
    queryS: asked.seconds,
    bytes,
    rows: inOrder(lines.map((line) => Row.parse(JSON.parse(line)))),
    used: [exported.usage, asked.usage],
  };
}

async function byPostgres({ folder, database }: BenchServer): Promise<Measured> {
  const target = join(folder, 'plain');
  await mkdir(target, { recursive: true });
  // The server may run under another account.
  await chmod(target, 0o777);
  const file = join(target, 'events.csv');
  const client = await database.pool.connect();
  try {
    const exportS = await secondsOf(() =>
      client.query(`copy (select * from log.events order by position) to '${file}' csv`),
    );
    await client.query(`set timezone = 'UTC'`);
    let rows: readonly Row[] = [];
    const queryS = await secondsOf(async () => {
      rows = z.array(Row).parse((await client.query(question)).rows);
    });
    const { size } = await stat(file);
    return { exportS, queryS, bytes: size, rows: inOrder(rows), used: [] };
  } finally {
    client.release(true);
    await rm(target, { recursive: true });
  }
}

function inOrder(rows: readonly Row[]): readonly Row[] {
  const keyOf = ({ type, prompt, day }: Row) => `${type} ${prompt} ${day}`;
  return rows.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

interface Told {
  readonly printed: string;
  readonly seconds: number;
  readonly usage: Usage;
}

const program = new URL('../../src/cli.js', import.meta.url).pathname;
const measuredProcess = new URL('measured-process.js', import.meta.url).href;

/** The command, from its start to its end, with the start of Node and the closing of the database. */
async function chorus({ url, folder }: BenchServer, stage: Stage, given: readonly string[]): Promise<Told> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['--import', measuredProcess, program, ...given], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, DATABASE_URL: url, CHORUS_DATA: folder },
    signal: stage.signal,
  });
  const [, stdout, , peak] = child.stdio;
  if (stdout === null || !(peak instanceof Readable)) throw new TypeError('A child process without its pipes.');
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [printed, used, code] = await Promise.all([text(stdout), text(peak), ended]);
  if (code !== 0) throw new Error(`chorus ${given[0] ?? ''} ended with ${String(code)}.`);
  return { printed, seconds: (performance.now() - startedAt) / 1_000, usage: Usage.parse(JSON.parse(used)) };
}
