import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { csvHeader, csvLineOf } from './csv-line.js';
import { lineOf, type EventRecord } from './event-record.js';
import { folderOf, type Partition } from './partitioning.js';
import type { Segment, SegmentPlace, WrittenFile } from './segment.js';

const bufferCharactersMax = 8_388_608;

const writings = {
  ndjson: { header: '', line: lineOf },
  csv: { header: csvHeader, line: csvLineOf },
} as const;

/** Lines go straight to their files. What waits for a partition's file is bounded over all of them. */
export class TextSegment implements Segment {
  private readonly partitions = new Map<string, { lines: string[]; events: number }>();
  private buffered = 0;

  constructor(
    private readonly format: keyof typeof writings,
    private readonly place: SegmentPlace,
    private readonly by: readonly Partition[],
  ) {}

  add(records: readonly EventRecord[]): number {
    const { header, line } = writings[this.format];
    let added = 0;
    for (const record of records) {
      const folder = folderOf(record, this.by);
      const partition = this.partitions.get(folder) ?? { lines: [header], events: 0 };
      this.partitions.set(folder, partition);
      const text = line(record);
      partition.lines.push(text);
      partition.events += 1;
      added += text.length;
    }
    this.buffered += added;
    if (this.buffered > bufferCharactersMax) this.flush();
    return added;
  }

  finish(): Promise<readonly WrittenFile[]> {
    this.flush();
    const files = [...this.partitions].map(([folder, { events }]) => {
      const path = join(folder, this.file);
      return { path, events, bytes: statSync(join(this.place.folder, path)).size };
    });
    return Promise.resolve(files);
  }

  private flush(): void {
    for (const [folder, partition] of this.partitions) {
      if (partition.lines.length === 0) continue;
      const path = join(this.place.folder, folder, this.file);
      mkdirSync(dirname(path), { recursive: true });
      appendFileSync(path, partition.lines.join(''));
      partition.lines = [];
    }
    this.buffered = 0;
  }

  private get file(): string {
    return `${this.place.name}.${this.format}`;
  }
}
