import { LRUCache } from 'lru-cache';
import type { DecisionModel } from '../../kernel/decision-model.js';
import type { EventFamily, EventOf } from '../../kernel/event-family.js';
import type { DomainEvent, EventStore, RecordedEvent } from '../event-store/event-store.js';

/** What is known of a stream: its state as of a version. Always true of that version, however old it gets. */
export interface Known<State> {
  readonly version: number;
  /** Of the stream's last event; 0n for an empty stream. */
  readonly position: bigint;
  readonly state: State;
}

const pageEventsMax = 10_000;

type Folding<State, Family extends EventFamily> = Pick<
  DecisionModel<State, never, Family, never>,
  'events' | 'initial' | 'evolve'
>;

/** The states of one model's streams, the ones in use kept in memory. */
export class StreamStates<State, Family extends EventFamily> {
  private readonly cache: LRUCache<string, Known<State>>;

  constructor(
    private readonly model: Folding<State, Family>,
    private readonly store: EventStore,
    statesMax: number,
  ) {
    this.cache = new LRUCache({ max: statesMax });
  }

  /** What this process saw last. Another one may have appended since. */
  cached(stream: string): Known<State> | undefined {
    return this.cache.get(stream);
  }

  /** The stream as the log has it, read on from `known`, with the events that were new. */
  async read(
    stream: string,
    known = this.cached(stream) ?? this.empty(),
  ): Promise<{ known: Known<State>; tail: readonly RecordedEvent[] }> {
    const { events, version } = await this.store.readStream(stream, { from: known.version + 1, limit: pageEventsMax });
    // A log that is shorter than what was seen of it was restored from a backup: what is known never happened.
    if (version < known.version) return this.read(stream, this.empty());
    const next = this.advance(stream, known, events, version);
    if (version - known.version < pageEventsMax) return { known: next, tail: events };
    const rest = await this.read(stream, next);
    return { known: rest.known, tail: [...events, ...rest.tail] };
  }

  /** Remembers what `known` becomes by events that follow it. */
  advance(stream: string, known: Known<State>, events: readonly RecordedEvent[], version: number): Known<State> {
    const next: Known<State> = {
      version,
      position: events.at(-1)?.position ?? known.position,
      state: events.reduce((state, { event }) => this.evolve(state, event), known.state),
    };
    this.cache.set(stream, next);
    return next;
  }

  private empty(): Known<State> {
    return { version: 0, position: 0n, state: this.model.initial };
  }

  private evolve(state: State, event: DomainEvent): State {
    return this.isOwn(event) ? this.model.evolve(state, event) : state;
  }

  /** The codec has checked the data of every event it hands out, so the type's name is enough. */
  private isOwn(event: DomainEvent): event is DomainEvent & EventOf<Family> {
    return Object.hasOwn(this.model.events, event.type);
  }
}
