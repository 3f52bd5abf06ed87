import { setTimeout as sleep } from 'node:timers/promises';
import { lineOf, type EventRecord } from './event-record.js';
import type { Receiver } from './replay.js';

/** The receiver would not take a batch, or could not be reached for too long. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken';
}

export interface HttpReceiverOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly triesMax?: number;
  readonly firstWaitMs?: number;
  readonly requestMsMax?: number;
  /** A batch was not taken, and will be sent again. */
  readonly onRetry?: (said: string, waitMs: number) => void;
}

const waitMsMax = 15_000;

/**
 * Posts each batch as NDJSON. A batch that was not answered is sent again, so it may arrive twice: the key names it, and each
 * event has an id.
 */
export class HttpReceiver implements Receiver {
  constructor(private readonly options: HttpReceiverOptions) {}

  async take(batch: readonly EventRecord[]): Promise<void> {
    const { url, triesMax = 8, firstWaitMs = 250, onRetry } = this.options;
    for (let tries = 1; ; tries += 1) {
      const answer = await this.post(batch);
      if (answer.taken) return;
      if (!answer.again || tries >= triesMax) throw new NotTaken(`${url} ${answer.said}.`);
      const waitMs = Math.min(answer.waitMs ?? firstWaitMs * 2 ** (tries - 1), waitMsMax);
      onRetry?.(answer.said, waitMs);
      await sleep(waitMs);
    }
  }

  private async post(batch: readonly EventRecord[]): Promise<Answer> {
    try {
      const answer = await fetch(this.options.url, this.requestOf(batch));
      // Unread, it would hold the connection.
      await answer.body?.cancel();
      if (answer.ok) return { taken: true };
      const again = answer.status >= 500 || passing.has(answer.status);
      return { taken: false, again, said: `answers ${String(answer.status)}`, waitMs: retryAfterMs(answer) };
    } catch (error) {
      return { taken: false, again: true, said: `cannot be reached (${reasonOf(error)})` };
    }
  }

  private requestOf(batch: readonly EventRecord[]): RequestInit {
    const { headers, requestMsMax = 30_000 } = this.options;
    const last = batch.at(-1);
    return {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/x-ndjson',
        'idempotency-key': last?.id ?? '',
        'chorus-position': String(last?.position ?? 0),
      },
      body: batch.map(lineOf).join(''),
      signal: AbortSignal.timeout(requestMsMax),
      redirect: 'error',
    };
  }
}

/** Timed out, too early, too many: the same may be taken a moment later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429]);

type Answer =
  | { readonly taken: true }
  | { readonly taken: false; readonly again: boolean; readonly said: string; readonly waitMs?: number | undefined };

function retryAfterMs({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
