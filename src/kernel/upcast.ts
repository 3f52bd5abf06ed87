import type { JsonObject } from './event-family.js';

/**
 * How stored events become today's events.
 *
 * Inside a family `from[n]` lifts data by one version. An upcast does what a family cannot say about itself: it renames a
 * type, and the streams it is in, or takes over a type that no family declares any more. Both are steps through one graph
 * over (type, version); its sinks are the current versions. The graph is checked as a whole when the program starts, so that
 * no event can be found unreadable later because of how its history was written down.
 */
export interface Upcast {
  /** What is stored. */
  readonly type: string;
  readonly version: number;
  /** Everything `lift` may yield. Declared, because filters and the search for cycles must know it without an event at hand. */
  readonly into: readonly EventVersion[];
  readonly lift: (stored: Stored) => Lifted;
  /**
   * The streams that such events are in, when they are called something else now. It holds for the whole streams, with all
   * that is in them, so upcasts that share a stream share this.
   */
  readonly streams?: StreamRename;
}

export interface EventVersion {
  readonly type: string;
  readonly schemaVersion: number;
}

/** What an upcast may know of an event. */
interface Stored {
  readonly stream: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: JsonObject;
}

export interface Lifted extends EventVersion {
  readonly data: JsonObject;
}

/**
 * Streams that are called something else now: `journeySession-oseh_js_` to `promptSession-oseh_ips_`. What comes after these
 * beginnings is the same, so each name leads to the other without a look-up, and a whole category moves at once.
 *
 * A stored name never changes. A stream goes on under the name it is stored by, also with what is written today: so it stays
 * one sequence of versions. Everybody above the event store sees today's name only.
 */
export interface StreamRename {
  readonly from: string;
  readonly to: string;
}
