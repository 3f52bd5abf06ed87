import type { EventRecord } from './event-record.js';

/**
 * A part of an export: so many events that files become large enough to be fast, so few that the part fits into memory or a
 * temporary file, and that little is lost when an export is interrupted.
 */
export interface Segment {
  /** Answers about how many bytes were added. */
  add(records: readonly EventRecord[]): number;
  /** The files it made, below its folder. */
  finish(): Promise<readonly WrittenFile[]>;
}

export interface SegmentPlace {
  /** Nothing else is in it. */
  readonly folder: string;
  /** Names files so that those of different segments can be in one folder. */
  readonly name: string;
}

export interface WrittenFile {
  readonly path: string;
  readonly events: number;
  readonly bytes: number;
}

export const segmentEventsMax = 200_000;
export const segmentBytesMax = 268_435_456;
