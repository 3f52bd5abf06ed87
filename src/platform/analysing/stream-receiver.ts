import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { lineOf, type EventRecord } from './event-record.js';
import type { Receiver } from './replay.js';

/** Writes lines, and waits while the other side of the pipe is slower. */
export class StreamReceiver implements Receiver {
  constructor(private readonly stream: Writable) {}

  async take(batch: readonly EventRecord[]): Promise<void> {
    if (!this.stream.write(batch.map(lineOf).join(''))) await once(this.stream, 'drain');
  }
}
