import { join } from 'node:path';
import type { EventFamily } from '../../kernel/event-family.js';
import { CannotStart } from '../config/cannot-start.js';
import type { EventCodec } from '../event-store/event-codec.js';
import type { EventStore, LogPage } from '../event-store/event-store.js';
import { Duck } from './duck.js';
import { recordOf, type EventRecord } from './event-record.js';
import { ExportFolder } from './export-folder.js';
import type { Format, Manifest } from './export-manifest.js';
import { PageSize } from './page-size.js';
import { ParquetSegment } from './parquet-segment.js';
import type { Partition } from './partitioning.js';
import { readAhead } from './read-ahead.js';
import { segmentBytesMax, segmentEventsMax, type Segment, type SegmentPlace } from './segment.js';
import { selectedPages } from './selected-pages.js';
import { stretchOf, type Selection } from './selection.js';
import { TextSegment } from './text-segment.js';

export interface ExportOrder {
  readonly folder: string;
  readonly format: Format;
  readonly by: readonly Partition[];
  readonly selection: Selection;
  /** Adds to a complete export what came after it. */
  readonly append: boolean;
  readonly memoryMb: number;
  readonly segmentEvents?: number;
}

export interface ExportParts {
  readonly store: EventStore;
  readonly codec: EventCodec;
  readonly families: readonly EventFamily[];
  /** The program's version, for the manifest. */
  readonly chorus: string;
}

export interface ExportProgress {
  readonly position: bigint;
  readonly upTo: bigint;
  /** Of this run. */
  readonly events: number;
}

const pageBytes = 2_097_152;

/**
 * The selected events as files in a folder, with a manifest. It is there whole or not at all; interrupted, it goes on where it
 * was. While one segment becomes files the next is read, so two segments are all that is ever held, on disk.
 */
export async function exportEvents(
  parts: ExportParts,
  order: ExportOrder,
  onProgress: (progress: ExportProgress) => void = () => undefined,
): Promise<Manifest> {
  using folder = await ExportFolder.open(order.folder, emptyManifest(parts, order), order.append);
  const before = folder.manifest;
  await refuseOtherLog(parts.store, before);
  const stretch = await stretchOf(parts.store, restOf(order, before));
  using duck =
    order.format !== 'parquet' ? undefined : await Duck.open({ folder: folder.workshop, memoryMb: order.memoryMb });
  const writer = new SegmentWriter(folder, (place) => newSegment(duck, order, place), order.segmentEvents);
  const pages = readAhead(selectedPages(parts.store, stretch, writer.pageSize));
  for (let page = await pages.next(); ; page = await pages.next()) {
    const left_out = leftOut(before, parts.codec);
    if (page.done === true) {
      await writer.finish({ position: Number(page.value.position), left_out });
      break;
    }
    await writer.add(page.value, left_out);
    onProgress({ position: page.value.scannedTo, upTo: stretch.upTo, events: writer.events });
  }
  folder.complete();
  return folder.manifest;
}

/** Fills one segment while the one before is being finished. */
class SegmentWriter {
  readonly pageSize = new PageSize(pageBytes, 1_000);
  events = 0;
  private open: { readonly segment: Segment; readonly place: SegmentPlace; events: number; bytes: number } | undefined;
  private last: EventRecord | undefined;
  private position: number;
  private finishing: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: ExportFolder,
    private readonly newSegment: (place: SegmentPlace) => Segment,
    private readonly eventsMax = segmentEventsMax,
  ) {
    this.position = folder.manifest.position;
  }

  async add({ events, scannedTo }: LogPage, left_out: Manifest['left_out']): Promise<void> {
    const open = (this.open ??= this.begun());
    const records = events.map(recordOf);
    const bytes = open.segment.add(records);
    this.pageSize.took(records.length, bytes);
    open.events += records.length;
    open.bytes += bytes;
    this.events += records.length;
    this.last = records.at(-1) ?? this.last;
    this.position = Number(scannedTo);
    if (open.events >= this.eventsMax || open.bytes >= segmentBytesMax) {
      await this.end({ position: this.position, left_out });
    }
  }

  async finish(stand: Stand): Promise<void> {
    this.open ??= this.begun();
    await this.end(stand);
    await this.finishing;
  }

  private begun() {
    const name = `events-${String(this.position + 1).padStart(positionDigits, '0')}`;
    const place = { folder: join(this.folder.workshop, name), name };
    return { segment: this.newSegment(place), place, events: 0, bytes: 0 };
  }

  private async end(stand: Stand): Promise<void> {
    await this.finishing;
    const { open, last } = this;
    this.open = undefined;
    if (open === undefined) return;
    const last_event = last === undefined ? {} : { last_event: { position: last.position, id: last.id } };
    this.finishing = open.segment.finish().then((files) => {
      this.folder.add(open.place.folder, files, { ...stand, ...last_event });
    });
    // Whoever waits for it next hears of a failure.
    this.finishing.catch(() => undefined);
  }
}

type Stand = Pick<Manifest, 'position' | 'left_out'>;

/** Names sort as positions do. */
const positionDigits = 12;

function newSegment(duck: Duck | undefined, { format, by }: ExportOrder, place: SegmentPlace): Segment {
  if (format !== 'parquet') return new TextSegment(format, place, by);
  if (duck === undefined) throw new Error('Parquet is written by a database that was not opened.');
  return new ParquetSegment(duck, place, by);
}

function emptyManifest({ families, chorus }: ExportParts, { format, by, selection }: ExportOrder): Manifest {
  const { stream, types, categories, from, after = 0n } = selection;
  return {
    manifest_version: 1,
    format,
    partitioned_by: [...by],
    selected: {
      ...(stream !== undefined && { stream }),
      ...(types && { types: types.toSorted() }),
      ...(categories && { categories: categories.toSorted() }),
      ...(from && { from: from.toISOString() }),
    },
    after: Number(after),
    position: Number(after),
    complete: false,
    events: 0,
    last_event: null,
    left_out: {},
    written_by: { chorus, schema_versions: { ...versionsOf(families) } },
    files: [],
  };
}

function versionsOf(families: readonly EventFamily[]): Readonly<Record<string, number>> {
  const all = families.flatMap((family) =>
    Object.entries(family).map(([type, { version }]) => [type, version] as const),
  );
  return Object.fromEntries(all);
}

/** What is still to be exported. A limit counts what an interrupted run has done, and not what a complete one did. */
function restOf({ selection, append }: ExportOrder, { position, events }: Manifest): Selection {
  const { limit } = selection;
  const left = limit === undefined || append ? limit : limit - events;
  return { ...selection, after: BigInt(position), limit: left };
}

function leftOut({ left_out: before }: Manifest, { unknownTypes }: EventCodec): Manifest['left_out'] {
  const all = new Map(Object.entries(before));
  for (const [type, count] of unknownTypes) all.set(type, (before[type] ?? 0) + count);
  return Object.fromEntries(all);
}

/** Appending to the export of another log, or of this one before it was restored to an older point, would mix two histories. */
async function refuseOtherLog(store: EventStore, { last_event: last }: Manifest): Promise<void> {
  if (last === null) return;
  const { events } = await store.readAll({ after: BigInt(last.position) - 1n, limit: 1 });
  if (events[0]?.id === last.id) return;
  throw new CannotStart(
    `The export is of another log, or of this one before it was restored to an older point: at position ${String(last.position)} it has the event ${last.id}, the log has ${events[0]?.id ?? 'none'}. Export to a new folder.`,
  );
}
