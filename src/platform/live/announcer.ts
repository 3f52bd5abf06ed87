import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import type { Tail } from '../event-store/tail.js';
import type { FanOut } from './fan-out.js';

/** Which events are told to whoever listens on a channel, and in which words. */
export interface Announcement {
  /** The pattern that all of its channels match. */
  readonly channels: string;
  readonly of: (recorded: RecordedEvent) => Announced | undefined;
}

export interface Announced {
  readonly channel: string;
  /** JSON with a `position`, among whatever else existing listeners expect. */
  readonly message: () => string;
}

/**
 * Tells other processes of what this one appended, once it is committed, and reads the log at once when another one tells of
 * something newer. Whatever gets lost on the way is found a moment later by polling.
 */
export function announceAppends(
  { store, tail, fanOut }: { readonly store: EventStore; readonly tail: Tail; readonly fanOut: FanOut },
  announcements: readonly Announcement[],
): () => void {
  for (const { channels } of announcements) {
    fanOut.listen(channels, (message) => {
      const position = positionIn(message);
      if (position !== undefined && position > tail.head()) tail.hint();
    });
  }
  return store.onAppended(({ events }) => {
    for (const recorded of events) {
      for (const announcement of announcements) {
        const announced = announcement.of(recorded);
        if (announced !== undefined) fanOut.publish(announced.channel, announced.message);
      }
    }
  });
}

/** Found without parsing the whole: every process hears every message, and needs nothing else of it. */
function positionIn(message: string): bigint | undefined {
  const digits = /"position":"(\d{1,19})"/.exec(message)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
