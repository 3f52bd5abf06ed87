import { z } from 'zod';
import type { EventCodec } from '../event-store/event-codec.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { checkedData } from './checked-data.js';
import { TravelRefused } from './refused.js';
import { ToldEvent } from './told-event.js';

/** An event that is to have happened besides, and where it was written down. */
export interface Injected {
  readonly told: ToldEvent;
  readonly line: number;
}

/** One JSON object a line; empty lines are passed over. */
export function injectedIn(text: string): readonly Injected[] {
  return text.split('\n').flatMap((content, at) => (content.trim() === '' ? [] : [injectedFrom(content, at + 1)]));
}

function injectedFrom(content: string, line: number): Injected {
  const parsed = ToldEvent.safeParse(jsonIn(content, line));
  if (parsed.success) return { told: parsed.data, line };
  throw new TravelRefused(`Line ${String(line)} is no event: ${z.prettifyError(parsed.error)}`);
}

function jsonIn(content: string, line: number): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new TravelRefused(`Line ${String(line)} is not JSON.`);
  }
}

/**
 * In the order in which they are folded: behind the event at the position they name, or at the end. A position is one of the
 * log, so several may have the same; a read model that keeps rows by position would put them into one row.
 */
export function injectionsInto(all: readonly Injected[], upTo: bigint, codec: EventCodec): RecordedEvent[] {
  const recorded = all.map(({ told, line }) => {
    const position = told.position === undefined ? upTo : BigInt(told.position);
    if (position > upTo) {
      throw new TravelRefused(
        `Line ${String(line)}: position ${String(position)} is behind ${String(upTo)}, where this ends.`,
      );
    }
    return {
      ...checkedData(told, codec, `Line ${String(line)} cannot have happened`),
      position,
      stream: told.stream,
      version: told.version ?? 0,
      id: told.id ?? `00000000-0000-7000-8000-${String(line).padStart(12, '0')}`,
      metadata: told.metadata ?? { correlationId: 'what-if' },
      recordedAt: told.recorded_at === undefined ? unknownTime : new Date(told.recorded_at),
    };
  });
  return recorded.sort((one, other) => (one.position < other.position ? -1 : one.position > other.position ? 1 : 0));
}

/** Stands for the time of the event before, which is only known when the log has been read up to there. */
export const unknownTime = new Date(0);
