import type { EventStore } from '../event-store/event-store.js';
import { recordOf, type EventRecord } from './event-record.js';
import { PageSize } from './page-size.js';
import { readAhead } from './read-ahead.js';
import { selectedPages } from './selected-pages.js';
import { stretchOf, type Selection } from './selection.js';

/** Where events are replayed to. It has taken a batch when its promise resolves; it may be given one twice. */
export interface Receiver {
  take(batch: readonly EventRecord[]): Promise<void>;
}

export interface Rhythm {
  /** How many times faster than it was; Infinity: as fast as the receiver takes. */
  readonly speed: number;
  /** A night in which nothing happened need not be waited for. Before the speed. */
  readonly gapMsMax: number;
}

export interface Clock {
  now(): number;
  /** Returns early when the signal is given. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ReplayOrder {
  readonly selection: Selection;
  readonly rhythm: Rhythm;
  readonly batchEventsMax: number;
  readonly signal: AbortSignal;
  readonly onTaken?: (replayed: Replayed) => void;
}

export interface Replayed {
  /** Everything up to here was taken. */
  readonly position: bigint;
  readonly events: number;
}

const pageBytes = 1_048_576;

/**
 * Hands on what happened with the gaps between it, divided by the speed. What is due at the same time goes together, and when
 * the receiver is slower than the rhythm, what became due meanwhile does.
 */
export async function replay(
  store: EventStore,
  receiver: Receiver,
  { selection, rhythm, batchEventsMax, signal, onTaken = () => undefined }: ReplayOrder,
  clock: Clock,
): Promise<Replayed> {
  const stretch = await stretchOf(store, selection);
  const size = new PageSize(pageBytes);
  const due = dueTimes(rhythm);
  const startedAt = clock.now();
  let batch: EventRecord[] = [];
  let replayed: Replayed = { position: stretch.after, events: 0 };
  const hand = async (upTo = batch.at(-1)?.position) => {
    if (batch.length > 0) await receiver.take(batch);
    replayed = {
      position: upTo === undefined ? replayed.position : BigInt(upTo),
      events: replayed.events + batch.length,
    };
    batch = [];
    onTaken(replayed);
  };
  for await (const { events, scannedTo } of readAhead(selectedPages(store, stretch, size))) {
    let bytes = 0;
    for (const record of events.map(recordOf)) {
      const dueAt = startedAt + due(record.recorded_at);
      if (batch.length >= batchEventsMax || (batch.length > 0 && dueAt > clock.now())) await hand();
      const waitMs = dueAt - clock.now();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (signal.aborted) return replayed;
      batch.push(record);
      bytes += JSON.stringify(record.data).length + envelopeBytes;
    }
    size.took(events.length, bytes);
    // Nothing of this page waits for the next one, which may be long in coming.
    await hand(Number(scannedTo));
  }
  return replayed;
}

const envelopeBytes = 400;

/** When the next event is due, in milliseconds from the first. */
function dueTimes({ speed, gapMsMax }: Rhythm): (at: Date) => number {
  let last: number | undefined;
  let due = 0;
  return (at) => {
    const time = at.getTime();
    if (last !== undefined && speed !== Infinity) due += Math.min(Math.max(time - last, 0), gapMsMax) / speed;
    last = time;
    return due;
  };
}
