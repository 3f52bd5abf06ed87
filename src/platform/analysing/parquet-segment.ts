import { mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { literal, type Duck } from './duck.js';
import type { EventRecord } from './event-record.js';
import { derivedColumns, type Partition } from './partitioning.js';
import type { Segment, SegmentPlace, WrittenFile } from './segment.js';
import { StagedRecords } from './staged-records.js';

const Stats = z.array(z.object({ filename: z.string(), count: z.coerce.number(), file_size_bytes: z.coerce.number() }));

/** Parquet is written by the analytical database. */
export class ParquetSegment implements Segment {
  private readonly staged: StagedRecords;

  constructor(
    private readonly duck: Duck,
    private readonly place: SegmentPlace,
    private readonly by: readonly Partition[],
  ) {
    mkdirSync(dirname(place.folder), { recursive: true });
    this.staged = new StagedRecords(`${place.folder}.staged`);
  }

  add(records: readonly EventRecord[]): number {
    return this.staged.add(records);
  }

  async finish(): Promise<readonly WrittenFile[]> {
    using staged = this.staged;
    if (staged.events === 0) return [];
    const columns = ['*', ...derivedColumns(this.by)].join(', ');
    const target = this.by.length === 0 ? join(this.place.folder, `${this.place.name}.parquet`) : this.place.folder;
    mkdirSync(this.place.folder, { recursive: true });
    const written = await this.duck.connection.runAndReadAll(
      `copy (select ${columns} from ${staged.asTable()}) to ${literal(target)}
       (format parquet, compression zstd${this.partitionOptions()}, return_stats)`,
    );
    const files = Stats.parse(written.getRowObjectsJson()).map(({ filename, count, file_size_bytes: bytes }) => ({
      path: relative(this.place.folder, filename),
      events: count,
      bytes,
    }));
    const counted = files.reduce((sum, { events }) => sum + events, 0);
    if (counted !== staged.events) {
      throw new Error(`Of ${String(staged.events)} events, ${String(counted)} arrived in files.`);
    }
    return files;
  }

  private partitionOptions(): string {
    if (this.by.length === 0) return '';
    return `, partition_by (${this.by.join(', ')}), write_partition_columns, overwrite_or_ignore,
      filename_pattern ${literal(`${this.place.name}_{i}`)}`;
  }
}
