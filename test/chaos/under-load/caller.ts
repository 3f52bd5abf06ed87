import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** A command as its caller sent it, and everything the caller was ever told about it. */
export interface Told {
  readonly route: string;
  /** Whose token it came with. */
  readonly actor: string;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly attempts: number;
  readonly status: number;
  readonly position: bigint | undefined;
  readonly body: unknown;
}

/**
 * Sends commands as a careful client does: with an Idempotency-Key, and again with the same key whenever it can't know
 * whether the command was carried out.
 */
export class Caller {
  readonly told: Told[] = [];
  /** Commands nobody ever got an answer to. */
  unanswered = 0;
  #turn = 0;

  constructor(
    private readonly urls: readonly string[],
    /** Once it aborts, nothing is sent again. */
    private readonly givenUp: AbortSignal,
  ) {}

  /** Undefined when there was no answer before everybody gave up. */
  async command(route: string, { sub, token }: Sender, body: unknown): Promise<Told | undefined> {
    const key = randomUUID();
    const sentAt = performance.now();
    for (let attempts = 1; !this.givenUp.aborted; attempts += 1) {
      const answer = await this.#attempt(route, { authorization: `bearer ${token}`, 'idempotency-key': key }, body);
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) {
        const told = { route, actor: sub, sentAt, answeredAt: performance.now(), attempts, ...answer };
        this.told.push(told);
        return told;
      }
      await sleep(Math.min(20 * 2 ** attempts, 400));
    }
    this.unanswered += 1;
    return undefined;
  }

  async #attempt(route: string, headers: Record<string, string>, body: unknown): Promise<Answer | undefined> {
    this.#turn = (this.#turn + 1) % this.urls.length;
    try {
      const response = await fetch(`${this.urls[this.#turn] ?? ''}/api/1/${route}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(answerMsMax),
      });
      const position = z.coerce
        .bigint()
        .optional()
        .parse(response.headers.get('chorus-position') ?? undefined);
      const text = await response.text();
      return { status: response.status, position, body: text === '' ? undefined : JSON.parse(text) };
    } catch (error) {
      // The connection was refused, broke, or went silent; an answer that was cut off in the middle was none.
      if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return undefined;
      throw error;
    }
  }
}

export interface Sender {
  readonly sub: string;
  readonly token: string;
}

const answerMsMax = 8_000;

type Answer = Pick<Told, 'status' | 'position' | 'body'>;
