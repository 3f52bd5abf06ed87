import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { Database } from '../../src/platform/database/database.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { Leases } from '../../src/platform/leasing/lease.js';
import { DatabaseProgress } from '../../src/platform/projecting/database-progress.js';
import { ProjectionEngine } from '../../src/platform/projecting/engine.js';
import { ProgressBoard } from '../../src/platform/projecting/progress-board.js';
import { aServer, type BenchServer } from './a-server.js';
import { aChild, messageOf } from './http-sides.js';
import { fillPromptLog, programsStore } from './prompt-log.js';
import { beside } from './rebuild-live.js';
import { Rebuilt, type RebuildJob } from './rebuild-process.js';
import { alternate, median, rounded } from './rounds.js';
import { atLeast, atMost, type Fields, type Run, type Stage } from './run.js';

/**
 * How fast read models are built anew from the log: the sums and the counts of every prompt, in one pass, as the command does it
 * while nobody else is there.
 *
 * What is timed goes from the order to when all rows and indexes are there; the proof that both builds are equal is told apart. The
 * other side reads and decodes the same pages and does nothing with them. Each run has a process of its own.
 *
 * Memory is compared with that of the same rebuild from a tenth of the log, in runs in which V8 may keep only so much: left alone,
 * it lets garbage pile up until it has seen enough of it, which a small log never comes to. What is needed must fit.
 *
 * The peer is the published TypeScript event store for PostgreSQL, rebuilding the same read models from a log of its own. That is
 * smaller, because it takes so long; events a second do not depend on it much.
 *
 * With `--live` it is about what people notice of it: see `beside`.
 */
export const rebuild: Run<'events' | 'rounds' | 'peer' | 'live' | 'seconds'> = {
  name: 'rebuild',
  describe: 'Building read models anew: against only reading the log and emmett-postgresql, or what people notice.',
  options: {
    events: { default: 1_000_000, describe: 'events in the log that the read models take' },
    rounds: { default: 3, describe: 'how often the sides take turns' },
    peer: { default: 10_000, describe: 'events in the log of the peer' },
    live: { default: 0, describe: 'what people notice of it instead, with a fifth of the events', isFlag: true },
    seconds: { default: 20, describe: 'how long a round with --live is at least' },
  },
  secondsMax: ({ events, rounds, peer, live, seconds }) =>
    live === 1
      ? 180 + events / 2_000 + rounds * (2 * seconds + events / 5_000)
      : 120 + (events / 4_000) * (2 * rounds + 2) + (peer / 100) * (rounds + 1),
  targets: [
    ...[atLeast('ratio', 0.4), atLeast('peer_ratio', 50), atMost('memory_ratio', 1.3)],
    ...[atMost('append_p99_ratio', 2), atMost('switch_pause_ms', 250), atMost('rollback_pause_ms', 250)],
    ...[atMost('append_errors', 0), atMost('query_errors', 0)],
  ],
  run: (given, stage) =>
    given.live === 1 ? beside({ ...given, events: given.events / 5 }, stage) : alone(given, stage),
};

interface Given {
  readonly events: number;
  readonly rounds: number;
  readonly peer: number;
}

async function alone({ events, rounds, peer }: Given, stage: Stage): Promise<Fields> {
  const server = await aServer(stage);
  const url = await aLog(server, 'whole', events, stage);
  const tenthUrl = await aLog(server, 'tenth', Math.ceil(events / 10), stage);
  const side = (databaseUrl: string, of: RebuildJob['side'], flags?: readonly string[]) => () =>
    measured({ databaseUrl, server, of, flags }, stage);
  const emmett = await aPeer(server, peer, stage);
  const sides = {
    rebuilding: side(url, 'rebuilding', asTheCommand),
    reading: side(url, 'reading', asTheCommand),
    bounded: side(url, 'rebuilding', boundedMemory),
    tenth: side(tenthUrl, 'rebuilding', boundedMemory),
    peer: emmett,
  };
  const results = await alternate(sides, {
    rounds,
    signal: stage.signal,
    after: (name, rebuilt) => {
      stage.say(`${name}: ${String(Math.round(perSecond(rebuilt)))} events a second`);
    },
  });
  const middle = (name: keyof typeof sides, of: (rebuilt: Rebuilt) => number): number =>
    median((results.get(name) ?? []).map(of));
  return {
    events,
    events_per_s: rounded(middle('rebuilding', perSecond)),
    reading_per_s: rounded(middle('reading', perSecond)),
    ratio: rounded(middle('rebuilding', perSecond) / middle('reading', perSecond)),
    peer_events: peer,
    peer_events_per_s: rounded(middle('peer', perSecond)),
    peer_ratio: rounded(middle('rebuilding', perSecond) / middle('peer', perSecond)),
    proof_ms: rounded(middle('rebuilding', ({ proofMs }) => proofMs)),
    peak_mb: rounded(middle('rebuilding', megabytes)),
    bounded_peak_mb: rounded(middle('bounded', megabytes)),
    bounded_tenth_peak_mb: rounded(middle('tenth', megabytes)),
    memory_ratio: rounded(middle('bounded', megabytes) / middle('tenth', megabytes)),
  };
}

/** `npm run chorus` sets nothing of V8. */
const asTheCommand: readonly string[] = [];
/** Of what lives longer than a moment, in megabytes. */
const boundedMemory = ['--max-old-space-size=160'];

const rebuilt = [prefixSums, eventCounts];
const names = rebuilt.map(({ name }) => name);
const perSecond = ({ events, ms }: Rebuilt): number => (events / ms) * 1_000;
const megabytes = ({ peakBytes }: Rebuilt): number => peakBytes / 2 ** 20;

/** A database with a log, and with the read models as live projection has made them. */
async function aLog(server: BenchServer, name: string, events: number, stage: Stage): Promise<string> {
  const url = await server.freshDatabase(name);
  const database = await Database.open({ url, connectionsMax: 8 });
  stage.afterwards(() => database.close());
  await database.migrate();
  await fillPromptLog(database, events);
  stage.say(`The log ${name} has its ${String(events)} events.`);
  await followed(database);
  // What a server that has run for a while knows, and what no autovacuum shall do in the middle of a round.
  await database.pool.query('vacuum analyze');
  stage.say('The read models have seen them.');
  return url;
}

async function followed(database: Database): Promise<void> {
  await using running = new AsyncDisposableStack();
  const store = programsStore(database);
  running.defer(() => store.close());
  const tail = new Tail(store);
  running.defer(() => tail.close());
  const leases = new Leases(database, randomUUID());
  running.defer(() => leases.close());
  const board = new ProgressBoard();
  const engine = new ProjectionEngine(rebuilt, { database, store, tail, leases, board });
  await engine.start();
  running.defer(() => engine.stop());
  const [head, progress] = [await store.head(), new DatabaseProgress(database, board)];
  for (const name of names) {
    const { reached } = await progress.waitFor(name, head, 600_000);
    if (!reached) throw new Error(`${name} did not get to the end of the log.`);
  }
}

interface Side {
  readonly databaseUrl: string;
  readonly server: BenchServer;
  readonly of: RebuildJob['side'];
  readonly flags: readonly string[] | undefined;
}

async function measured({ databaseUrl, server, of, flags }: Side, stage: Stage): Promise<Rebuilt> {
  const environment = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, CHORUS_DATA: server.folder };
  const child = aChild('./rebuild-process.js', environment, stage, flags);
  child.send({ side: of, names } satisfies RebuildJob);
  const found = Rebuilt.parse(await messageOf(child));
  child.kill();
  await once(child, 'exit');
  return found;
}

/** One process for all rounds, on a database of its own: its later rounds find everything warm. */
async function aPeer(server: BenchServer, events: number, stage: Stage): Promise<() => Promise<Rebuilt>> {
  const environment = { PATH: process.env['PATH'], DATABASE_URL: await server.freshDatabase('peer') };
  const child = aChild('./peers/emmett-rebuild-program.js', environment, stage);
  child.send({ fill: events });
  await messageOf(child);
  stage.say(`The log of the peer has its ${String(events)} events.`);
  return async () => {
    child.send('rebuild');
    const found = Rebuilt.parse(await messageOf(child));
    if (found.events !== events) throw new Error(`The peer counted ${String(found.events)} events.`);
    return found;
  };
}
