import { setTimeout as sleep } from 'node:timers/promises';
import { HttpReceiver, NotTaken } from '../platform/analysing/http-receiver.js';
import { replay, type Clock, type Receiver, type Replayed } from '../platform/analysing/replay.js';
import { StreamReceiver } from '../platform/analysing/stream-receiver.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { withLog } from './open-log.js';
import { say } from './output.js';
import { unknownTypesSentence } from './printed-event.js';
import { ProgressLine } from './progress-line.js';
import { selectionOf, type Selecting } from './selection-options.js';

export interface ReplayingOrder extends Selecting {
  readonly to: 'stdout' | URL;
  readonly speed: number;
  readonly maxGap: number;
  readonly batch: number;
  readonly header?: Readonly<Record<string, string>>;
}

const clock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
};

export async function replayEvents(config: Config, order: ReplayingOrder): Promise<void> {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  await withLog(config, async ({ store, codec }) => {
    const line = new ProgressLine();
    let last: Replayed = { position: order.after ?? 0n, events: 0 };
    const onTaken = (replayed: Replayed): void => {
      last = replayed;
      line.show(() => `${replayed.events.toLocaleString('en')} events, up to position ${String(replayed.position)}`);
    };
    const rhythm = { speed: order.speed, gapMsMax: order.maxGap * 1_000 };
    const replaying = { selection: selectionOf(codec, order), rhythm, batchEventsMax: order.batch, onTaken };
    try {
      await replay(store, receiverOf(order), { ...replaying, signal: stopped.signal }, clock);
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      line.end();
      throw new CannotStart(`${error.message} ${goOn(last)}`, { cause: error });
    }
    line.end();
    const unknown = unknownTypesSentence(codec.unknownTypes);
    if (unknown !== undefined) say(unknown);
    say(`${last.events.toLocaleString('en')} events replayed. ${goOn(last)}`);
  });
}

/** A shorter wait is over before anybody has read of it. */
const toldMsMin = 1_000;

function goOn({ position }: Replayed): string {
  return `To go on from here: --after ${String(position)}`;
}

function receiverOf({ to, header }: ReplayingOrder): Receiver {
  if (to === 'stdout') return new StreamReceiver(process.stdout);
  const onRetry = (said: string, waitMs: number): void => {
    if (waitMs >= toldMsMin) say(`${to.href} ${said}; trying again in ${String(Math.round(waitMs / 1_000))} s.`);
  };
  return new HttpReceiver({ url: to.href, onRetry, ...(header && { headers: header }) });
}
