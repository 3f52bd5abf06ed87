import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { z } from 'zod';
import { codeOf } from '../database/error-code.js';
import { BackupRow, BackupUnusable, End, Head, LinesHash, TableStart } from './backup-format.js';

/** What a backup holds, in its order. Rejects with BackupUnusable where it is not as it was written. */
export type BackupPart =
  | { readonly is: 'head'; readonly head: Head }
  | { readonly is: 'table'; readonly start: TableStart }
  | { readonly is: 'row'; readonly table: string; readonly row: BackupRow }
  | { readonly is: 'end'; readonly rows: Readonly<Record<string, number>> };

/** The whole of it is known to be good only when the end has come. */
export async function* readBackup(file: string): AsyncGenerator<BackupPart, void, void> {
  const hash = new LinesHash();
  let table: string | undefined;
  let head: Head | undefined;
  let isOver = false;
  for await (const line of linesOf(file)) {
    const value = valueOf(line, file);
    if (isOver) throw damaged(file, 'it goes on after its end');
    if (Array.isArray(value)) {
      if (table === undefined) throw damaged(file, 'it has a row of no table');
      hash.add(line);
      yield { is: 'row', table, row: as(BackupRow, value, file) };
    } else if (head === undefined) {
      head = as(Head, value, file);
      hash.add(line);
      yield { is: 'head', head };
    } else if (isObjectWith(value, 'end')) {
      const { end } = as(End, value, file);
      if (end.sha256 !== hash.hex()) throw damaged(file, 'its content is not what was written');
      isOver = true;
      yield { is: 'end', rows: end.rows };
    } else {
      const start = as(TableStart, value, file);
      table = start.table;
      hash.add(line);
      yield { is: 'table', start };
    }
  }
  if (!isOver) throw damaged(file, 'it has no end: whatever made it was interrupted');
}

/** Reads all of it, and that the log in it is without a gap. */
export async function verifyBackup(file: string): Promise<Verified> {
  const log = new LogCheck(file);
  const counted: Record<string, number> = {};
  let head: Head | undefined;
  for await (const part of readBackup(file)) {
    if (part.is === 'head') ({ head } = part);
    else if (part.is === 'table') counted[part.start.table] = 0;
    else if (part.is === 'row') {
      counted[part.table] = (counted[part.table] ?? 0) + 1;
      if (part.table === 'log.events') log.take(part.row);
    } else if (head === undefined || JSON.stringify(part.rows) !== JSON.stringify(counted)) {
      throw damaged(file, 'it does not hold as many rows as it says');
    }
  }
  if (head === undefined) throw damaged(file, 'it is empty');
  log.endsAt(head);
  return { head, rows: counted };
}

export interface Verified {
  readonly head: Head;
  readonly rows: Readonly<Record<string, number>>;
}

/** Positions come first in a row and ids fourth: that is how the table was made, and columns are only ever added behind. */
export const eventColumns = { position: 0, id: 3, recordedAt: 8 } as const;

class LogCheck {
  private position = 0n;
  private id: string | null = null;

  constructor(private readonly file: string) {}

  take(row: BackupRow): void {
    const position = BigInt(row[eventColumns.position] ?? 0);
    if (position !== this.position + 1n) {
      throw damaged(this.file, `its log has position ${String(position)} after ${String(this.position)}`);
    }
    this.position = position;
    this.id = row[eventColumns.id] ?? null;
  }

  endsAt({ position, last_event }: Head): void {
    if (String(this.position) !== position || this.id !== last_event) {
      throw damaged(this.file, `its log ends at ${String(this.position)} and not at ${position}`);
    }
  }
}

function damaged(file: string, why: string): BackupUnusable {
  return new BackupUnusable(`${file} is not a usable backup: ${why}.`);
}

async function* linesOf(file: string): AsyncGenerator<string, void, void> {
  const compressed = createReadStream(file);
  const text = createGunzip();
  compressed.on('error', (error) => text.destroy(error));
  compressed.pipe(text).setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of text) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    const why = reasons[codeOf(error) ?? ''];
    if (why === undefined) throw error;
    throw damaged(file, why);
  } finally {
    compressed.destroy();
  }
  if (rest !== '') throw damaged(file, 'its last line is cut off');
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
  Z_BUF_ERROR: 'it is cut off',
  Z_DATA_ERROR: 'it is damaged, or no backup',
};

function valueOf(line: string, file: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw damaged(file, 'a line in it cannot be read');
  }
}

function as<Value>(schema: z.ZodType<Value>, value: unknown, file: string): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw damaged(file, 'it holds something that this program does not know');
  return parsed.data;
}

function isObjectWith(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}
