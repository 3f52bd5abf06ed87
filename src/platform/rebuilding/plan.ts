import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { EventCodec } from '../event-store/event-codec.js';
import type { EventStore } from '../event-store/event-store.js';
import { FoldFailed, Folding } from '../projecting/fold.js';
import type { Projection } from '../projecting/projection.js';
import type { Plan } from './rebuild.js';

/**
 * What a rebuild will cost, from the log and the live build as they are now. Of a long log a part is looked at: to count all of it
 * would be to read it twice. The time comes from reading and folding a sample; writing goes on meanwhile and is taken to double it.
 */
export async function planOf(parts: PlanParts, projection: Projection): Promise<Plan> {
  const { database, codec } = parts;
  const types = codec.storedTypes(Object.keys(projection.when));
  const head = Number(await parts.store.head());
  const { countedMax = countedEventsMax } = parts;
  const percent = head <= countedMax ? 100 : (countedMax / head) * 100;
  const { rows } = await database.pool.query(planSql, [types, projection.name, percent]);
  const [{ seen, disk, ...counted }] = Planned.parse(rows);
  const ofAll = (amount: number): number =>
    percent === 100 ? amount : Number(((amount / Math.max(1, seen)) * head).toPrecision(3));
  const [events, bytes] = [ofAll(counted.events), ofAll(counted.bytes)];
  const eventsPerS = await sampled(parts.store, projection);
  const seconds = Math.ceil(events / Math.max(1, eventsPerS));
  return { events, bytes, events_per_s: eventsPerS, seconds, disk_bytes: disk };
}

export interface PlanParts {
  readonly database: Pick<Database, 'pool'>;
  readonly store: EventStore;
  readonly codec: Pick<EventCodec, 'storedTypes'>;
  /** Of a log of more events, about this many are looked at. */
  readonly countedMax?: number;
}

const sampleEvents = 2_000;
const shareOfWriting = 2;

/** The end of the log is as good a sample as its beginning, and more like what is to come. */
async function sampled(store: EventStore, projection: Projection): Promise<number> {
  const startedAt = performance.now();
  const filter = { types: Object.keys(projection.when) };
  const { events } = await store.readAll({ after: farAhead, limit: sampleEvents, direction: 'backwards', filter });
  const folding = new Folding(projection);
  for (const wish of folding.wanted(events)) wish.changes.load(wish.keys.keys(), []);
  try {
    folding.run([...events].reverse());
  } catch (error) {
    // Of a sample nothing more is asked than how long it takes. The rebuild itself will tell what is wrong with an event.
    if (!(error instanceof FoldFailed)) throw error;
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  return Math.round(Math.max(events.length, 1) / seconds / shareOfWriting);
}

const farAhead = 9_007_199_254_740_991n;

/** Some hundredths of a second. */
const countedEventsMax = 100_000;

const Planned = z.tuple([
  z.object({
    seen: z.coerce.number(),
    events: z.coerce.number(),
    bytes: z.coerce.number(),
    disk: z.coerce.number(),
  }),
]);

const planSql = `
  select count(*) as seen, count(*) filter (where type = any($1)) as events,
    coalesce(sum(pg_column_size(data)) filter (where type = any($1)), 0) as bytes,
    (select coalesce(sum(pg_total_relation_size(c.oid)), 0)
     from projecting.active a join projecting.builds b using (projection, build)
     join pg_namespace n on n.nspname = b.schema join pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
     where a.projection = $2) as disk
  from log.events tablesample system ($3)`;
