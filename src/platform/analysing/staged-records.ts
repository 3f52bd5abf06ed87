import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { columnTypes, literal } from './duck.js';
import type { EventRecord } from './event-record.js';

/**
 * Records on their way into the analytical database: lines in a temporary file, which it reads with all of its threads. That
 * was measured to be faster than handing values over one by one, and this thread is the one that also reads the log. `data`
 * and `metadata` travel as texts, so that they arrive exactly as the log has them.
 */
export class StagedRecords implements Disposable {
  events = 0;
  private readonly file: number;
  private isOpen = true;
  private longestLine = 0;

  constructor(private readonly path: string) {
    this.file = openSync(path, 'w');
  }

  add(records: readonly EventRecord[]): number {
    if (records.length === 0) return 0;
    const lines = records.map((record) => JSON.stringify({ ...record, ...textsOf(record) }));
    for (const line of lines) this.longestLine = Math.max(this.longestLine, line.length);
    const text = `${lines.join('\n')}\n`;
    writeSync(this.file, text);
    this.events += records.length;
    return text.length;
  }

  /** As a table in a `from`, once nothing more is added. */
  asTable(): string {
    this.closeFile();
    return `read_json(${literal(this.path)}, format = 'newline_delimited', columns = ${columnTypes},
      maximum_object_size = ${String(Math.max(this.longestLine * bytesPerCharacterMax, objectBytesMin))})`;
  }

  [Symbol.dispose](): void {
    this.closeFile();
    rmSync(this.path, { force: true });
  }

  private closeFile(): void {
    if (this.isOpen) closeSync(this.file);
    this.isOpen = false;
  }
}

const bytesPerCharacterMax = 3;
/** The database reads in blocks of twice the largest object, one for each thread. */
const objectBytesMin = 4_194_304;

function textsOf({ data, metadata }: EventRecord): { readonly data: string; readonly metadata: string } {
  return { data: JSON.stringify(data), metadata: JSON.stringify(metadata) };
}
