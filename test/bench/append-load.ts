import { fork } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';

/** What the sides of the append benchmark have in common: the event, the load, and a process that runs it. */
export interface Load {
  readonly callers: number;
  readonly seconds: number;
  /** Appends one event to a stream that is at this version. */
  readonly once: (stream: string, version: number) => Promise<void>;
}

export const Measured = z.object({ perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number() });
export type Measured = z.infer<typeof Measured>;

const BenchEvent = z.strictObject({
  promptUid: z.string(),
  sessionUid: z.string(),
  userSub: z.string(),
  eventUid: z.string(),
  promptTime: z.number(),
  bin: z.int(),
});

/** As large as an ordinary event of the product: about 200 bytes of data. */
export function anEvent(): { type: 'BenchLiked' } & z.infer<typeof BenchEvent> {
  return {
    type: 'BenchLiked',
    promptUid: 'oseh_ip_0123456789abcdefghijkl',
    sessionUid: 'oseh_ips_0123456789abcdefghijkl',
    userSub: 'oseh_u_0123456789abcdefghijkl',
    eventUid: 'oseh_ipe_0123456789abcdefghijkl',
    promptTime: 12.25,
    bin: 12,
  };
}

export const anEventCodec = (): EventCodec => new EventCodec([{ BenchLiked: event(BenchEvent) }]);

/** A process of its own that appends with 64 callers for the given time. */
export async function appendingProcess(url: string, seconds: number): Promise<Measured> {
  const child = fork(new URL('append-process.js', import.meta.url), [url, String(seconds)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const answer: unknown[] = await Promise.race([once(child, 'message'), failed(child)]);
  return Measured.parse(answer[0]);
}

async function failed(child: ReturnType<typeof fork>): Promise<never> {
  const [code]: unknown[] = await once(child, 'exit');
  throw new Error(`An appending process ended with ${String(code)} before it answered.`);
}
