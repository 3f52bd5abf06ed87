import { z } from 'zod';
import type { AppendConnection } from './append-connection.js';
import type { ExpectedVersion } from './event-store.js';
import type { PreparedAppend } from './prepared-append.js';

/** What the append functions of the migration answer, sorted by append: a base version per stream, as described there. */
export interface AppendAnswer {
  readonly head: bigint;
  readonly recordedAt: Date;
  readonly outcomes: readonly (readonly (number | null)[])[];
}

export async function appendOne(
  connection: AppendConnection,
  [append]: readonly PreparedAppend[],
): Promise<AppendAnswer> {
  const row = append === undefined ? undefined : rowsOf(append, 0)[0];
  if (row === undefined) throw new TypeError('There is nothing to append.');
  const answer = await connection.query(
    'append one',
    'select coalesce(head, 0)::text, at, outcome from log.append_one($1, $2, $3, $4, $5::smallint, $6, $7, $8, $9)',
    [
      row.stream,
      row.expected,
      row.id,
      row.type,
      row.schemaVersion,
      row.json,
      row.metadata,
      row.command,
      row.fingerprint,
    ],
  );
  const [head, at, outcome] = OneAnswer.parse(answer);
  return { head: BigInt(head), recordedAt: at ?? new Date(0), outcomes: [[outcome]] };
}

export async function appendMany(
  connection: AppendConnection,
  batch: readonly PreparedAppend[],
): Promise<AppendAnswer> {
  const rows = batch.flatMap(rowsOf);
  const answer = await connection.query(
    'append many',
    'select head::text, at, outcome from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
    parameters(rows),
  );
  const [head, at, outcome] = ManyAnswer.parse(answer);
  let row = 0;
  const outcomes = batch.map((append) =>
    append.streams.map((write) => {
      const base = outcome[row] ?? null;
      row += Math.max(write.events.length, 1);
      return base;
    }),
  );
  return { head: BigInt(head), recordedAt: at, outcomes };
}

const OneAnswer = z.tuple([z.string(), z.date().nullable(), z.int().nullable()]);
const ManyAnswer = z.tuple([z.string(), z.date(), z.array(z.int().nullable())]);

interface Row {
  readonly request: number;
  readonly stream: string;
  readonly expected: number;
  readonly id: string | null;
  readonly type: string | null;
  readonly schemaVersion: number | null;
  readonly json: string | null;
  readonly metadata: string | null;
  readonly command: string | null;
  readonly fingerprint: string | null;
}

function rowsOf(append: PreparedAppend, request: number): readonly Row[] {
  const metadata = JSON.stringify(append.metadata);
  let { command } = append;
  return append.streams.flatMap(({ stream, expected, events }) => {
    const checked = { request, stream, expected: expectedCode(expected) };
    const written = events.length === 0 ? [nothing] : events.map((event) => ({ ...event, metadata }));
    return written.map((event): Row => {
      const row = { ...checked, ...event, command: command?.id ?? null, fingerprint: command?.fingerprint ?? null };
      command = undefined;
      return row;
    });
  });
}

const nothing = { id: null, type: null, schemaVersion: null, json: null, metadata: null } as const;

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

/** Array literals, written here because the driver's general way costs as much as the rest of a flush. */
function parameters(rows: readonly Row[]): readonly string[] {
  const plain = (value: (row: Row) => number | string | null) =>
    `{${rows.map((row) => value(row) ?? 'NULL').join(',')}}`;
  const quoted = (value: (row: Row) => string | null) => `{${rows.map((row) => quote(value(row))).join(',')}}`;
  return [
    plain((row) => row.request),
    quoted((row) => row.stream),
    plain((row) => row.expected),
    plain((row) => row.id),
    quoted((row) => row.type),
    plain((row) => row.schemaVersion),
    quoted((row) => row.json),
    quoted((row) => row.metadata),
    quoted((row) => row.command),
    quoted((row) => row.fingerprint),
  ];
}

function quote(value: string | null): string {
  return value === null ? 'NULL' : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
