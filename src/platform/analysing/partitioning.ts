import type { EventRecord } from './event-record.js';
import { literal } from './duck.js';

export const partitions = ['type', 'category', 'day', 'month'] as const;
export type Partition = (typeof partitions)[number];

/** Each partition is a folder in the way that analytical tools know: `type=PromptLiked/day=2026-03-01`. Days are of UTC. */
export function folderOf(record: EventRecord, by: readonly Partition[]): string {
  return by.map((partition) => `${partition}=${encodeURIComponent(valueOf(record, partition))}`).join('/');
}

function valueOf({ type, category, recorded_at }: EventRecord, partition: Partition): string {
  switch (partition) {
    case 'type':
      return type;
    case 'category':
      return category;
    case 'day':
      return recorded_at.toISOString().slice(0, 10);
    case 'month':
      return recorded_at.toISOString().slice(0, 7);
  }
}

/** The columns that a table of events lacks for being partitioned so. */
export function derivedColumns(by: readonly Partition[]): readonly string[] {
  const formats = { day: '%Y-%m-%d', month: '%Y-%m' } as const;
  return by.flatMap((partition) =>
    partition === 'day' || partition === 'month'
      ? [`strftime(recorded_at, ${literal(formats[partition])}) as ${partition}`]
      : [],
  );
}
