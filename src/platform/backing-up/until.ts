import type { BackupRow } from './backup-format.js';
import { eventColumns } from './read-backup.js';

/** How far the log is wanted. Times only grow with positions. */
export class Until {
  position = 0n;
  private isOver = false;

  constructor(private readonly upTo: bigint | Date | undefined) {}

  includes(row: BackupRow): boolean {
    const position = BigInt(row[eventColumns.position] ?? 0);
    if (this.isOver || this.isAfter(position, row[eventColumns.recordedAt] ?? '')) {
      this.isOver = true;
      return false;
    }
    this.position = position;
    return true;
  }

  private isAfter(position: bigint, recordedAt: string): boolean {
    if (this.upTo === undefined) return false;
    return typeof this.upTo === 'bigint' ? position > this.upTo : timeOf(recordedAt) > this.upTo;
  }
}

/** A backup has its times in UTC, as PostgreSQL writes them: 2026-01-01 00:00:00.123+00 */
function timeOf(text: string): Date {
  return new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
}
