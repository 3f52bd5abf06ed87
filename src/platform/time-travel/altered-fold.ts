import type { EventCodec } from '../event-store/event-codec.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { logPages } from '../event-store/log-pages.js';
import type { ChangeOfEvent } from './changed-events.js';
import { changedBy } from './changed-events.js';
import { injectionsInto, unknownTime, type Injected } from './injected-events.js';
import type { LeftOut } from './left-out.js';
import type { Folding, Scratch } from './scratch.js';

/** What did not happen, happened otherwise, and happened besides. In this order: what is added is neither left out nor changed. */
export interface Alterations {
  readonly without: readonly LeftOut[];
  readonly change?: ChangeOfEvent | undefined;
  readonly inject: readonly Injected[];
}

export interface Altered {
  /** Undefined when nothing was altered. */
  readonly other: Scratch | undefined;
  /** Events that the read model takes. */
  readonly events: number;
  readonly leftOut: number;
  readonly changed: number;
  readonly injected: number;
}

export interface AlteredFolding extends Folding {
  readonly codec: EventCodec;
  readonly copy: (scratch: Scratch) => Promise<Scratch>;
}

/**
 * Folds the log as it is and as it would be, in one reading. Up to the first event that differs both are one build; there the
 * other begins as a copy.
 */
export async function foldBoth(
  real: Scratch,
  upTo: bigint,
  alterations: Alterations,
  { store, signal, onProgress, codec, copy }: AlteredFolding,
): Promise<Altered> {
  const types = Object.keys(real.projection.when);
  const altering = new Altering(alterations, { upTo, codec, types: new Set(types) });
  let other: Scratch | undefined;
  let events = 0;
  for await (const page of logPages(store, { after: real.position, to: upTo, types, signal })) {
    const altered = altering.page(page.events, page.scannedTo);
    if (other === undefined && altered !== page.events) other = await copy(real);
    await real.take(page.events, page.scannedTo);
    await other?.take(altered, page.scannedTo);
    events += page.events.length;
    onProgress?.({ position: page.scannedTo, upTo, events: page.events.length });
  }
  signal.throwIfAborted();
  const last = altering.rest();
  if (last.length > 0) {
    other ??= await copy(real);
    await other.take(last, upTo);
  }
  return { other, events, ...altering.counts };
}

interface AlteringParts {
  readonly upTo: bigint;
  readonly codec: EventCodec;
  /** What the read model takes. It must not be shown anything else. */
  readonly types: ReadonlySet<string>;
}

class Altering {
  private readonly isTaken = ({ event }: RecordedEvent): boolean => this.parts.types.has(event.type);
  readonly counts = { leftOut: 0, changed: 0, injected: 0 };
  private readonly injections: RecordedEvent[];
  private lastRecordedAt = new Date(0);

  constructor(
    private readonly alterations: Alterations,
    private readonly parts: AlteringParts,
  ) {
    this.injections = injectionsInto(alterations.inject, parts.upTo, parts.codec).filter(this.isTaken);
  }

  /** The same list when nothing about it is to be altered. */
  page(events: readonly RecordedEvent[], scannedTo: bigint): readonly RecordedEvent[] {
    const altered: RecordedEvent[] = [];
    const before = { ...this.counts };
    for (const recorded of events) {
      altered.push(...this.injectedBefore(recorded.position), ...this.alter(recorded));
      this.lastRecordedAt = recorded.recordedAt;
    }
    altered.push(...this.injectedBefore(scannedTo));
    const { leftOut, changed, injected } = this.counts;
    const isAltered = leftOut > before.leftOut || changed > before.changed || injected > before.injected;
    return isAltered ? altered : events;
  }

  /** What is added behind the last event. */
  rest(): readonly RecordedEvent[] {
    return this.timed(this.injections.splice(0));
  }

  private alter(recorded: RecordedEvent): readonly RecordedEvent[] {
    if (this.alterations.without.some((leftOut) => leftOut(recorded))) {
      this.counts.leftOut += 1;
      return [];
    }
    const { change } = this.alterations;
    if (change === undefined) return [recorded];
    const events = changedBy(change, recorded, this.parts.codec).filter(this.isTaken);
    if (events.length !== 1 || events[0] !== recorded) this.counts.changed += 1;
    return events;
  }

  /** One that names a position comes right behind the event there. */
  private injectedBefore(position: bigint): readonly RecordedEvent[] {
    const firstLater = this.injections.findIndex((injected) => injected.position >= position);
    return this.timed(this.injections.splice(0, firstLater < 0 ? this.injections.length : firstLater));
  }

  private timed(injections: readonly RecordedEvent[]): readonly RecordedEvent[] {
    this.counts.injected += injections.length;
    return injections.map((injected) =>
      injected.recordedAt === unknownTime ? { ...injected, recordedAt: this.lastRecordedAt } : injected,
    );
  }
}
