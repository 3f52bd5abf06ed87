import { randomUUID } from 'node:crypto';
import { getPostgreSQLEventStore, type PostgresEventStore as PeerStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { anEventCodec, anEvent, appendingProcess, type Load, type Measured } from './append-load.js';
import { aServer } from './a-server.js';
import { alternate, median, percentile, rounded } from './rounds.js';
import { atLeast, atMost, type Run, type Stage } from './run.js';

/**
 * Single-event appends, every one with an exact expected version, every one answered after its commit.
 *
 * The peer is the published TypeScript event store for PostgreSQL, doing the same appends on the same server through its public
 * API with its default pool. The lone caller is compared with what anybody would write by hand: one plain parameterised insert
 * into a table with the same columns and indexes, in its own transaction.
 */
export const append: Run<'rounds' | 'seconds'> = {
  name: 'append',
  describe: 'Single-event appends by concurrent callers, against emmett-postgresql and against a plain insert.',
  options: {
    rounds: { default: 5, describe: 'how often the sides take turns' },
    seconds: { default: 3, describe: 'how long one side runs in a round' },
  },
  secondsMax: ({ rounds, seconds }) => 60 + rounds * (seconds + 1) * 8,
  targets: [atLeast('ratio', 8), atMost('lone_ratio', 1.4)],
  run: async ({ rounds, seconds }, stage) => {
    const server = await aServer(stage);
    const { database } = server;
    const ours = new PostgresEventStore(database, anEventCodec(), limits);
    stage.afterwards(() => ours.close());
    const peer = getPostgreSQLEventStore(await server.freshDatabase('peer'));
    stage.afterwards(() => peer.close());
    const plain = await plainTable(server.database.url, stage);

    const oursBy = (callers: number) => () =>
      load({ callers, seconds, once: (stream, version) => appendOurs(ours, stream, version) });
    const peerBy = (callers: number) => () =>
      load({ callers, seconds, once: (stream, version) => appendPeer(peer, stream, version) });
    const measured = await alternate(
      {
        ours: oursBy(64),
        peer: peerBy(64),
        lone: oursBy(1),
        plain: () => load({ callers: 1, seconds, once: plain }),
        ours16: oursBy(16),
        ours256: oursBy(256),
        twoProcesses: () => twoProcesses(database.url, seconds),
      },
      {
        rounds,
        signal: stage.signal,
        after: (side, { perSecond }) => {
          stage.say(`${side}: ${String(Math.round(perSecond))} events/s`);
        },
      },
    );
    return summary(measured);
  },
};

export const limits = { eventBytesMax: 1_048_576, appendEventsMax: 10_000, appendQueueMax: 20_000 };

type Side = 'ours' | 'peer' | 'lone' | 'plain' | 'ours16' | 'ours256' | 'twoProcesses';

function summary(measured: ReadonlyMap<Side, readonly Measured[]>): Record<string, number> {
  const of = (side: Side, field: keyof Measured): number =>
    median((measured.get(side) ?? []).map((result) => result[field]));
  return {
    callers: 64,
    events_per_s: rounded(of('ours', 'perSecond')),
    peer_events_per_s: rounded(of('peer', 'perSecond')),
    ratio: rounded(of('ours', 'perSecond') / of('peer', 'perSecond')),
    p50_ms: rounded(of('ours', 'p50Ms')),
    p99_ms: rounded(of('ours', 'p99Ms')),
    peer_p99_ms: rounded(of('peer', 'p99Ms')),
    lone_events_per_s: rounded(of('lone', 'perSecond')),
    lone_p50_ms: rounded(of('lone', 'p50Ms')),
    plain_insert_p50_ms: rounded(of('plain', 'p50Ms')),
    lone_ratio: rounded(of('lone', 'p50Ms') / of('plain', 'p50Ms')),
    callers_16_events_per_s: rounded(of('ours16', 'perSecond')),
    callers_16_p99_ms: rounded(of('ours16', 'p99Ms')),
    callers_256_events_per_s: rounded(of('ours256', 'perSecond')),
    callers_256_p99_ms: rounded(of('ours256', 'p99Ms')),
    two_processes_events_per_s: rounded(of('twoProcesses', 'perSecond')),
    two_processes_p99_ms: rounded(of('twoProcesses', 'p99Ms')),
  };
}

/** Each caller writes streams of five events, one after the other: a new stream, then versions 1, 2, 3, 4. */
export async function load({ callers, seconds, once }: Load): Promise<Measured> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      const stream = `benchSession-${randomUUID()}`;
      for (let version = 0; version < 5 && performance.now() < end; version += 1) {
        const before = performance.now();
        await once(stream, version);
        latencies.push(performance.now() - before);
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const elapsed = (performance.now() - start) / 1000;
  return { perSecond: latencies.length / elapsed, p50Ms: percentile(latencies, 50), p99Ms: percentile(latencies, 99) };
}

export async function appendOurs(store: PostgresEventStore, stream: string, version: number): Promise<void> {
  await store.append({
    writes: [{ stream, expected: version === 0 ? 'none' : version, events: [anEvent()] }],
    metadata: { correlationId: randomUUID(), actor: 'oseh_u_bench' },
  });
}

async function appendPeer(store: PeerStore, stream: string, version: number): Promise<void> {
  const { type, ...data } = anEvent();
  await store.appendToStream(
    stream,
    [{ type, data, metadata: { correlationId: randomUUID(), actor: 'oseh_u_bench' } }],
    { expectedStreamVersion: version === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version) },
  );
}

async function plainTable(url: string, stage: Stage): Promise<Load['once']> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  stage.afterwards(() => client.end());
  await client.query(`
    create table plain_events (position bigserial primary key, stream text not null, version integer not null, id uuid not null,
      type text not null, schema_version smallint not null, data json not null, metadata json not null,
      recorded_at timestamptz not null default now(), unique (stream, version))`);
  const text = `insert into plain_events (stream, version, id, type, schema_version, data, metadata) values ($1, $2, $3, $4, 1, $5, $6)`;
  return async (stream, version) => {
    const { type, ...data } = anEvent();
    const metadata = JSON.stringify({ correlationId: randomUUID(), actor: 'oseh_u_bench' });
    await client.query({
      name: 'plain',
      text,
      values: [stream, version + 1, randomUUID(), type, JSON.stringify(data), metadata],
    });
  };
}

async function twoProcesses(url: string, seconds: number): Promise<Measured> {
  const both = await Promise.all([appendingProcess(url, seconds), appendingProcess(url, seconds)]);
  return {
    perSecond: both.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p50Ms: median(both.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...both.map(({ p99Ms }) => p99Ms)),
  };
}
