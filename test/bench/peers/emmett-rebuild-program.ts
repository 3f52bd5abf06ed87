import {
  getPostgreSQLEventStore,
  postgreSQLProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import { z } from 'zod';
import { binOf, binsOf, bucketOf } from '../../../projections/interactive-prompts/bins.js';
import { changesBy, sessionsBy } from '../../../projections/interactive-prompts/crowd.js';
import { nodesToChange } from '../../../projections/interactive-prompts/fenwick-tree.js';
import { afterStep } from '../../../projections/interactive-prompts/presence.js';
import type { PromptSessionMoment } from '../../../src/interactive-prompts/prompt-session.js';
import { promptEventPages } from '../prompt-log.js';

/**
 * The same read models rebuilt by the published event store for PostgreSQL, from its own log and through its own
 * `rebuildPostgreSQLProjections`. A handler of its projections gets a batch and a transaction; as in its documentation each event is
 * written as it is handled. The arithmetic is ours, and whatever one event changes in a table is one statement: what is compared is
 * how events get from the log into the tables.
 */
const url = process.env['DATABASE_URL'] ?? '';
const momentTypes: PromptSessionMoment['type'][] = [
  ...(['SessionJoined', 'SessionLeft', 'PromptLiked', 'PressStarted', 'PressEnded'] as const),
  ...(['NumberAnswered', 'ColorAnswered', 'WordAnswered'] as const),
];

const tables = `
  create table sums (prompt_uid text, node integer, category text, value integer, total bigint not null,
    primary key (prompt_uid, node, category, value));
  create table people (prompt_uid text, user_sub text, presence jsonb not null, primary key (prompt_uid, user_sub));
  create table stays (session_uid text primary key, bins integer not null, joined_bin integer not null, left_bin integer);
  create table counts (prompt_uid text, bucket integer, total bigint not null, primary key (prompt_uid, bucket))`;

const addSums = `
  insert into sums as t select $1, node, category, value, sum(total)
  from unnest($2::integer[], $3::text[], $4::integer[], $5::integer[]) as u (node, category, value, total)
  group by node, category, value
  on conflict (prompt_uid, node, category, value) do update set total = t.total + excluded.total`;
const addCount = `
  insert into counts as t values ($1, $2, 1) on conflict (prompt_uid, bucket) do update set total = t.total + 1`;
const setPresence = `
  insert into people values ($1, $2, $3) on conflict (prompt_uid, user_sub) do update set presence = excluded.presence`;
const join = 'insert into stays values ($1, $2, $3)';
const leave = 'update stays set left_bin = $2 where session_uid = $1';

// eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- the peer wants an index signature, which no interface has
type Emitted = { type: PromptSessionMoment['type']; data: Omit<PromptSessionMoment, 'type'> };
type Client = Pick<pg.ClientBase, 'query'>;

const prefixSums = postgreSQLProjection<Emitted>({
  name: 'prefix_sums',
  canHandle: momentTypes,
  truncate: async ({ connection: { client } }) => {
    await client.query('truncate sums, people, stays');
  },
  handle: async (events, { connection: { client } }) => {
    for (const { type, data } of events) await change(client, momentOf(type, data));
  },
});

const eventCounts = postgreSQLProjection<Emitted>({
  name: 'event_counts',
  canHandle: momentTypes,
  truncate: async ({ connection: { client } }) => {
    await client.query('truncate counts');
  },
  handle: async (events, { connection: { client } }) => {
    for (const { data } of events) await client.query(addCount, [data.promptUid, bucketOf(data.promptTime)]);
  },
});

/** What was appended below comes back. */
function momentOf(type: string, data: object): PromptSessionMoment {
  return { type, ...data } as PromptSessionMoment;
}

async function change(client: Client, moment: PromptSessionMoment): Promise<void> {
  const bin = binOf(moment.promptTime, moment.durationSeconds);
  const bins = binsOf(moment.durationSeconds);
  const changes = changesBy(moment).flatMap(({ category, value, by }) => nodesOf(bin, bins, { category, value, by }));
  const by = sessionsBy(moment);
  if (by !== 0) {
    const people = await present(client, moment, { bin, by });
    for (const step of people) changes.push(...nodesOf(step.bin, bins, { category: 'people', value: 0, by: step.by }));
  }
  if (by === 1) await client.query(join, [moment.sessionUid, bins, bin]);
  if (by === -1) await client.query(leave, [moment.sessionUid, bin]);
  if (changes.length === 0) return;
  await client.query(addSums, [
    moment.promptUid,
    changes.map(({ node }) => node),
    changes.map(({ category }) => category),
    changes.map(({ value }) => value),
    changes.map(({ total }) => total),
  ]);
}

interface Changed {
  readonly category: string;
  readonly value: number;
  readonly by: number;
}

function nodesOf(bin: number, bins: number, { category, value, by }: Changed) {
  return Array.from(nodesToChange(bin, bins), (node) => ({ node, category, value, total: by }));
}

const Presences = z.array(z.object({ presence: z.array(z.int()) }));

async function present(
  client: Client,
  { promptUid, userSub }: PromptSessionMoment,
  step: { readonly bin: number; readonly by: number },
) {
  const asked = 'select presence from people where prompt_uid = $1 and user_sub = $2';
  const [before] = Presences.parse((await client.query(asked, [promptUid, userSub])).rows);
  const { presence, people } = afterStep(before?.presence ?? [], step);
  await client.query(setPresence, [promptUid, userSub, JSON.stringify(presence)]);
  return people;
}

async function fill(events: number): Promise<void> {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  for (const page of promptEventPages(events)) {
    for (const [stream, own] of Map.groupBy(page, (each) => each.stream)) {
      const moments = own.map(({ event: { type, ...data } }) => ({ type, data }));
      await store.appendToStream(stream, moments);
    }
  }
  await store.close();
  await asked(tables);
}

/** Milliseconds. */
async function rebuilt(): Promise<number> {
  const startedAt = performance.now();
  const consumer = rebuildPostgreSQLProjections<Emitted>({
    connectionString: url,
    // Else it goes on from where the rebuild before has ended.
    projections: [prefixSums, eventCounts].map((projection) => ({ projection, startFrom: 'BEGINNING' })),
  });
  await consumer.start();
  const ms = performance.now() - startedAt;
  await consumer.close();
  return ms;
}

async function asked(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<pg.QueryResultRow>(sql);
  await client.end();
  return rows;
}

const Counted = z.tuple([z.object({ counted: z.coerce.number() })]);
const Asked = z.union([z.object({ fill: z.int() }), z.literal('rebuild')]);

async function answer(message: unknown): Promise<unknown> {
  const wanted = Asked.parse(message);
  if (wanted !== 'rebuild') {
    await fill(wanted.fill);
    return 'filled';
  }
  const ms = await rebuilt();
  const [{ counted: events }] = Counted.parse(await asked('select sum(total) as counted from counts'));
  return { events, ms, proofMs: 0, peakBytes: process.memoryUsage.rss() };
}

process.on('message', (message) => {
  void answer(message).then((answered) => process.send?.(answered));
});
