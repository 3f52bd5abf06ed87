import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { OpenStreams } from '../analysing/open-streams.js';
import { Problem } from '../http/problem.js';
import { pause } from './pace.js';
import { progressOf } from './rebuild-progress.js';
import type { Rebuild } from './rebuild.js';
import { Rebuilds } from './rebuilds.js';

/** Server-sent events for everybody who watches: what a rebuild's row says, whenever that has changed. */
@Injectable()
export class RebuildProgressStreams {
  constructor(
    private readonly rebuilds: Rebuilds,
    private readonly streams: OpenStreams,
  ) {}

  open(): Readable {
    if (!this.streams.isFull) return this.streams.open((ending) => this.changes(ending));
    throw new Problem(503, 'too_many_streams', 'Too many streams are open.', { retryAfterSeconds: 10 });
  }

  private async *changes(ending: AbortSignal): AsyncGenerator<string, void> {
    const told = new Map<string, string>();
    let saidAt = performance.now();
    yield 'retry: 1000\n\n';
    while (!ending.aborted) {
      for (const rebuild of await this.standing(told)) {
        const data = JSON.stringify(progressOf(rebuild));
        if (told.get(rebuild.rebuild) === data) continue;
        told.set(rebuild.rebuild, data);
        saidAt = performance.now();
        yield `event: progress\ndata: ${data}\n\n`;
      }
      // Whatever is between us and the client cuts connections on which nothing happens.
      if (performance.now() - saidAt >= quietMsMax) {
        saidAt = performance.now();
        yield ': still here\n\n';
      }
      await pause(lookMs, ending);
    }
  }

  /** One that was told of may end while the next of its projection has begun already: its end is told, too. */
  private async standing(told: Map<string, string>): Promise<readonly Rebuild[]> {
    const listed = await this.rebuilds.list();
    const ended: Rebuild[] = [];
    for (const [watched, data] of told) {
      if (listed.some(({ rebuild }) => rebuild === watched)) continue;
      const rebuild = await this.rebuilds.find(watched);
      if (rebuild === undefined || JSON.stringify(progressOf(rebuild)) === data) told.delete(watched);
      else ended.push(rebuild);
    }
    return [...ended, ...listed];
  }
}

const lookMs = 300;
const quietMsMax = 15_000;
