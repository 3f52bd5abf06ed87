import { z } from 'zod';

/**
 * One projection's rebuild, as a row: whoever holds the lease `rebuilds` reads here what to do next, so it may be killed
 * anywhere.
 *
 *   planned       asked for; nothing made yet
 *   replaying     the log is folded into the tables of a new build, as far as the live build was when it began
 *   catching_up   the same for what came meanwhile, until the live build is close
 *   indexing      the secondary indexes are made, now that the rows are there
 *   verifying     both builds are compared at one position
 *   ready         proven; follows the live build until somebody switches
 *   switched      readers see the new build; the previous one is kept up to date for a grace time
 *
 * and it ends as
 *
 *   rolled_back   readers see the previous build again
 *   retired       the previous build is dropped
 *   aborted       the new build is dropped, unseen
 *
 * A `problem` stops it where it is, until somebody resumes it, or says what else to do.
 */
export const states = [
  'planned',
  'replaying',
  'catching_up',
  'indexing',
  'verifying',
  'ready',
  'switched',
  'rolled_back',
  'retired',
  'aborted',
] as const;
export type RebuildState = (typeof states)[number];

/** What somebody wants of the rebuilder. */
export const requests = ['verify', 'switch', 'rollback', 'retire', 'abort'] as const;
export type RebuildRequest = (typeof requests)[number];

/** Before readers see the new build. */
export function isUnfinished({ state }: { readonly state: RebuildState }): boolean {
  return ['planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready'].includes(state);
}

export const Plan = z.object({
  events: z.number().describe('Events that the projection takes; of a long log, estimated from a part of it'),
  bytes: z.number().describe('What they take in the log'),
  events_per_s: z.number().describe('Measured on a sample just now, reading and folding, without writing'),
  seconds: z.number().describe('About how long it takes'),
  disk_bytes: z.number().describe('What the new build needs beside the live one until that is dropped'),
});
export type Plan = Readonly<z.infer<typeof Plan>>;

const TouchingEvent = z.object({
  position: z.number(),
  recorded_at: z.iso.datetime(),
  type: z.string(),
  stream: z.string(),
  effect: z.enum(['created', 'changed', 'removed', 'left as it was']).describe('What the new fold makes of it'),
});

export const Difference = z.object({
  table: z.string(),
  key: z.record(z.string(), z.json()),
  kind: z.enum(['missing', 'added', 'changed']).describe('Missing: only the live build has the row'),
  columns: z.record(z.string(), z.object({ before: z.json(), after: z.json() })),
  events: z
    .array(TouchingEvent)
    .nullable()
    .describe(
      'The newest that touch the row in the new fold, newest first; null where folding them again takes too much memory',
    ),
  events_total: z.number().nullable(),
});
export type Difference = Readonly<z.infer<typeof Difference>>;

const TableReport = z.object({
  table: z.string(),
  rows_before: z.number(),
  rows_after: z.number(),
  buckets_differing: z.number(),
  expected_applied: z.array(z.string()),
  shape: z.array(z.object({ name: z.string(), sentence: z.string() })),
  differences: z.array(Difference).describe('The first, by key'),
  differences_total: z.number(),
});

export const Report = z.object({
  position: z.number().describe('Both builds were at this position of the log'),
  at: z.iso.datetime(),
  ms: z.number(),
  equal: z.boolean().describe('But for what was expected'),
  tables: z.array(TableReport),
  regained: z
    .array(z.number())
    .default([])
    .describe('Positions of events that the live build does without, as dead letters, and the new one has applied'),
});
export type Report = Readonly<z.infer<typeof Report>>;

export const Row = z.object({
  rebuild: z.string(),
  pass: z.string(),
  projection: z.string(),
  version: z.number(),
  build: z.string().nullable(),
  replaced: z.string().nullable(),
  reason: z.enum(['asked', 'version']),
  state: z.enum(states),
  request: z.enum(requests).nullable(),
  /** How many it has been given so far. */
  orders: z.number(),
  switches: z.boolean(),
  problem: z.string().nullable(),
  pausedAt: z.date().nullable(),
  epoch: z.coerce.number(),
  expected: z.array(z.string()),
  // What a program of another version wrote may have another shape. Then it is worth nothing; nobody depends on it.
  plan: Plan.nullable().catch(null),
  throttle: z.number().nullable(),
  target: z.coerce.bigint(),
  /** Of the new build; null before it is there and after it is gone. */
  position: z.coerce.bigint().nullable(),
  events: z.coerce.number(),
  eventsPerS: z.number(),
  report: Report.nullable().catch(null),
  steps: z.record(z.string(), z.string()),
  graceUntil: z.date().nullable(),
  movedAt: z.date(),
});
export type Rebuild = Readonly<z.infer<typeof Row>>;
