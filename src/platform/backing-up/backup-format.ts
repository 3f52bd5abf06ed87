import { createHash, type Hash } from 'node:crypto';
import { z } from 'zod';
import { CannotStart } from '../config/cannot-start.js';

/**
 * A backup is one gzipped file of lines of JSON:
 *
 *   a head           what it is, of which tables' shape, and where the log ends in it
 *   a table's name   with its columns and their types, and then
 *   its rows         each an array of texts, as PostgreSQL writes them: what comes back is the same to the byte
 *   an end           how many rows, and a hash of every line before it
 *
 * A file without its end is no backup.
 */
export const Head = z.strictObject({
  chorus_backup: z.literal(1),
  made_at: z.iso.datetime(),
  /** Those that had made the tables, in order. */
  migrations: z.array(z.string()),
  position: z.string().regex(/^\d+$/),
  /** The id of the log's last event; null when the log is empty. */
  last_event: z.string().nullable(),
  epoch: z.strictObject({ id: z.string(), number: z.string() }),
});
export type Head = Readonly<z.infer<typeof Head>>;

export const TableStart = z.strictObject({
  table: z.string(),
  columns: z.array(z.tuple([z.string(), z.string()])),
});
export type TableStart = Readonly<z.infer<typeof TableStart>>;

export const BackupRow = z.array(z.string().nullable());
export type BackupRow = readonly (string | null)[];

export const End = z.strictObject({
  end: z.strictObject({ rows: z.record(z.string(), z.number()), sha256: z.string() }),
});
export type End = Readonly<z.infer<typeof End>>;

/** Of the lines, so that it doesn't matter how they were compressed. */
export class LinesHash {
  private readonly hash: Hash = createHash('sha256');

  add(line: string): void {
    this.hash.update(line);
    this.hash.update('\n');
  }

  hex(): string {
    return this.hash.copy().digest('hex');
  }
}

export class BackupUnusable extends CannotStart {
  override readonly name = 'BackupUnusable';
}
