import type { EventStore } from '../event-store/event-store.js';

/** What somebody with a checkpoint remembers of the log that it belongs to. */
export interface Anchored {
  readonly position: bigint;
  /** An event that was seen at or before the checkpoint, as near to it as costs nothing. */
  readonly anchorPosition: bigint | null;
  readonly anchorEvent: string | null;
  /** The identity of the log when the checkpoint was first used. */
  readonly knownEpoch: string | null;
  readonly logEpoch: string;
}

/**
 * A sentence if this log is not the one that the checkpoint belongs to.
 *
 * A restore by our own tool changes the log's identity. One by other tools may not; then the log ends before the checkpoint,
 * or the event at the anchor is another one by now.
 */
export async function logDeparture(
  store: Pick<EventStore, 'head' | 'readAll'>,
  { position, anchorPosition, anchorEvent, knownEpoch, logEpoch }: Anchored,
): Promise<string | undefined> {
  if (position === 0n) return undefined;
  const head = await store.head();
  if (position > head) {
    return `it is at position ${String(position)}, but the log ends at ${String(head)}: the log was put back to an older point.`;
  }
  if (knownEpoch !== null && knownEpoch !== logEpoch) {
    return `it is at position ${String(position)} of a log that has since been restored from a backup.`;
  }
  if (anchorPosition === null || anchorEvent === null) return undefined;
  const { events } = await store.readAll({ after: anchorPosition - 1n, limit: 1 });
  const [recorded] = events;
  // An event of a type that the program no longer knows cannot be compared.
  if (recorded?.position !== anchorPosition || recorded.id === anchorEvent) return undefined;
  return `it has seen another event at position ${String(anchorPosition)} than the log has there: the log was put back to an older point and has grown again.`;
}
