import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { EventCodec } from '../event-store/event-codec.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { checkedData } from './checked-data.js';
import { TravelRefused } from './refused.js';
import { told, ToldEvent } from './told-event.js';

/** Somebody's own function: gets an event, answers with what should have happened instead. */
export type ChangeOfEvent = (event: unknown) => unknown;

/** Nothing, another event, or several. The very same event when it was given back as it was. */
export function changedBy(change: ChangeOfEvent, recorded: RecordedEvent, codec: EventCodec): readonly RecordedEvent[] {
  const answer = answerOf(change, recorded);
  if (answer === undefined || answer === null) return [];
  const all: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
  const before = told(recorded);
  return all.map((one) => (isDeepStrictEqual(one, before) ? recorded : asRecorded(one, recorded, codec)));
}

function answerOf(change: ChangeOfEvent, recorded: RecordedEvent): unknown {
  try {
    return change(told(recorded));
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw refused(recorded, `the change failed: ${why}`);
  }
}

function asRecorded(answer: unknown, original: RecordedEvent, codec: EventCodec): RecordedEvent {
  if (answer instanceof Promise) throw refused(original, 'the change must answer at once, not with a promise');
  const parsed = ToldEvent.safeParse(answer);
  if (!parsed.success)
    throw refused(original, `what it was changed into is no event: ${z.prettifyError(parsed.error)}`);
  const { stream, version, id, metadata, recorded_at: recordedAt, position } = parsed.data;
  if (position !== undefined && BigInt(position) !== original.position) {
    throw refused(original, 'a change cannot move it to another position; leave it out there and inject it elsewhere');
  }
  return {
    ...original,
    ...checkedData(
      parsed.data,
      codec,
      `The event at position ${String(original.position)} cannot be changed like this`,
    ),
    stream,
    version: version ?? original.version,
    id: id ?? original.id,
    metadata: metadata ?? original.metadata,
    recordedAt: recordedAt === undefined ? original.recordedAt : new Date(recordedAt),
  };
}

function refused({ position, event }: RecordedEvent, why: string): TravelRefused {
  return new TravelRefused(`The event at position ${String(position)} (${event.type}): ${why}.`);
}
