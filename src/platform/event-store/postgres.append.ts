import { z } from 'zod';
import { jsonArray, plainArray, textArray } from '../database/array-literal.js';
import type { AppendConnection } from './append-connection.js';
import type { ExpectedVersion } from './event-store.js';
import type { PreparedAppend, PreparedEvent } from './prepared-append.js';

/** What the append functions of the migration answer. */
export interface AppendAnswer {
  readonly head: bigint;
  readonly recordedAt: Date;
  /** Everything was written, or nothing was. */
  readonly written: boolean;
  /** The version of every stream before the flush: one per append and stream. */
  readonly versions: readonly (readonly number[])[];
  /** The commands that the ledger knows already. */
  readonly known: ReadonlySet<string>;
}

/** One append of one event. */
export async function appendOne(
  connection: AppendConnection,
  { streams: [write], command, metadata }: PreparedAppend,
): Promise<AppendAnswer> {
  const event = write?.events[0];
  if (write === undefined || event === undefined) throw new TypeError('There is nothing to append.');
  const answer = await connection.query(
    'append one',
    `select coalesce(head, 0)::text, coalesce(at, 'epoch'), coalesce(outcome >= 0, false),
       case when outcome < 0 then -1 - outcome else coalesce(outcome, 0) end, outcome is null
     from log.append_one($1, $2, $3, $4, $5::smallint, $6, $7, $8, $9)`,
    [
      write.stream,
      expectedCode(write.expected),
      event.id,
      event.type,
      event.schemaVersion,
      event.json,
      JSON.stringify(metadata),
      command?.id,
      command?.fingerprint,
    ],
  );
  const [head, recordedAt, written, version, isKnown] = OneAnswer.parse(answer);
  const known = new Set(isKnown && command !== undefined ? [command.id] : []);
  return { head: BigInt(head), recordedAt, written, versions: [[version]], known };
}

export async function appendMany(
  connection: AppendConnection,
  batch: readonly PreparedAppend[],
): Promise<AppendAnswer> {
  const answer = await connection.query(
    'append many',
    `select head::text, at, written, versions, known
     from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    parameters(batch),
  );
  const [head, recordedAt, written, versions, known] = ManyAnswer.parse(answer);
  let next = 0;
  const sorted = batch.map(({ streams }) => versions.slice(next, (next += streams.length)));
  return { head: BigInt(head), recordedAt, written, versions: sorted, known: new Set(known) };
}

const OneAnswer = z.tuple([z.string(), z.date(), z.boolean(), z.int(), z.boolean()]);
const ManyAnswer = z.tuple([z.string(), z.date(), z.boolean(), z.array(z.int()), z.array(z.string())]);

interface Row {
  readonly event: PreparedEvent;
  /** The number of its stream among the streams of the batch, from 1. */
  readonly write: number;
  readonly step: number;
  readonly stream: string;
  readonly metadata: string;
}

interface Entry {
  readonly id: string;
  readonly fingerprint: string;
  readonly first: number | null;
  readonly last: number;
}

function parameters(batch: readonly PreparedAppend[]): readonly string[] {
  const writes = batch.flatMap(({ streams }) => streams);
  const rows: Row[] = [];
  const entries: Entry[] = [];
  const steps = new Map<string, number>();
  let write = 0;
  for (const { streams, metadata: plain, command } of batch) {
    const metadata = JSON.stringify(plain);
    const before = rows.length;
    for (const { stream, events } of streams) {
      write += 1;
      let step = steps.get(stream) ?? 0;
      for (const event of events) rows.push({ event, write, step: (step += 1), stream, metadata });
      steps.set(stream, step);
    }
    const first = rows.length > before ? before + 1 : null;
    if (command !== undefined) entries.push({ ...command, first, last: rows.length });
  }
  return [
    textArray(writes.map(({ stream }) => stream)),
    plainArray(writes.map(({ expected }) => expectedCode(expected))),
    ...eventParameters(rows),
    textArray(entries.map(({ id }) => id)),
    textArray(entries.map(({ fingerprint }) => fingerprint)),
    plainArray(entries.map(({ first }) => first)),
    plainArray(entries.map(({ last }) => last)),
  ];
}

function eventParameters(rows: readonly Row[]): readonly string[] {
  return [
    plainArray(rows.map(({ write }) => write)),
    plainArray(rows.map(({ step }) => step)),
    textArray(rows.map(({ stream }) => stream)),
    plainArray(rows.map(({ event }) => event.id)),
    textArray(rows.map(({ event }) => event.type)),
    plainArray(rows.map(({ event }) => event.schemaVersion)),
    jsonArray(rows.map(({ event }) => event.json)),
    jsonArray(rows.map(({ metadata }) => metadata)),
  ];
}

function expectedCode(expected: ExpectedVersion): number {
  switch (expected) {
    case 'any':
      return -1;
    case 'exists':
      return -2;
    case 'none':
      return 0;
    default:
      return expected;
  }
}
