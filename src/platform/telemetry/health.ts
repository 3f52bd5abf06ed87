import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';

export const PartHealth = z.object({
  part: z.string(),
  ok: z.boolean(),
  why: z.string().optional().describe('What is wrong, when something is'),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
export type PartHealth = z.infer<typeof PartHealth>;

export const Readiness = z
  .object({ ready: z.boolean(), stopping: z.boolean(), parts: z.array(PartHealth) })
  .meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;

export type Finding = Omit<PartHealth, 'part'>;
export type Check = () => Finding | Promise<Finding>;

/** A part that doesn't answer in time is not well, and must not keep the others from being heard. */
const checkMsMax = 2_000;

/**
 * What this program needs in order to be of use. Every part adds a check of its own; the program is ready when all are well
 * and it isn't stopping.
 */
@Injectable()
export class HealthChecks {
  readonly #checks = new Map<string, Check>();
  #stopping = false;

  /** Answers the way to take the check out again. */
  add(part: string, check: Check): () => void {
    this.#checks.set(part, check);
    return () => this.#checks.delete(part);
  }

  /** From here on this program is not ready, so that whoever balances load sends it nothing new. */
  stopping(): void {
    this.#stopping = true;
  }

  async readiness(): Promise<Readiness> {
    const parts = await Promise.all(
      [...this.#checks].map(async ([part, check]) => ({ part, ...(await found(check)) })),
    );
    const stopping = this.#stopping;
    return { ready: !stopping && parts.every(({ ok }) => ok), stopping, parts };
  }
}

async function found(check: Check): Promise<Finding> {
  const answered = new AbortController();
  try {
    return await Promise.race([check(), tooLate(answered.signal)]);
  } catch (error) {
    // The message may name a host and a user; the kind and code of the failure are enough to find it in the log.
    return { ok: false, why: kindOf(error) };
  } finally {
    answered.abort();
  }
}

async function tooLate(signal: AbortSignal): Promise<Finding> {
  await setTimeout(checkMsMax, undefined, { signal }).catch(() => undefined);
  return { ok: false, why: `no answer within ${String(checkMsMax)} ms` };
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name;
}
