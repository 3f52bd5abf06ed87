import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Installation } from '../under-load/installation.js';
import type { OpenPrompt } from '../under-load/visitors.js';

const Counts = z.object({ buckets: z.array(z.object({ total: z.number() })) });
const Stats = z.object({ users: z.number() });

/**
 * Somebody who looks at prompts all the time. What it looks at can only grow: how much happened in a prompt, and how many were
 * there when it began. So an error, half of a read model, or one that is behind what was shown before, is seen at once.
 */
export class Reader {
  queries = 0;
  readonly errors: string[] = [];
  readonly wentBack: string[] = [];
  private readonly seen = new Map<string, number>();

  constructor(
    private readonly installed: Installation,
    private readonly prompts: readonly OpenPrompt[],
  ) {}

  async readUntil(over: AbortSignal): Promise<void> {
    const { token } = this.installed.person('administrator', { admin: true });
    while (!over.aborted) {
      for (const { uid, jwt } of this.prompts) {
        const counts = Counts.safeParse(await this.get(`counts?uid=${uid}`, token)).data?.buckets;
        this.compare(
          `events in ${uid}`,
          counts?.reduce((sum, { total }) => sum + total, 0),
        );
        this.compare(`users of ${uid}`, Stats.safeParse(await this.get(`stats?uid=${uid}&bin=0`, jwt)).data?.users);
      }
      await sleep(5);
    }
  }

  private async get(question: string, token: string): Promise<unknown> {
    this.queries += 1;
    try {
      const [api] = this.installed.apis;
      const response = await fetch(`${api?.url ?? ''}/api/1/interactive_prompts/events/${question}`, {
        headers: { authorization: `bearer ${token}` },
        signal: AbortSignal.timeout(answerMsMax),
      });
      const text = await response.text();
      if (response.status === 200) return JSON.parse(text);
      this.errors.push(`${question} was answered with ${String(response.status)} ${text}`);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.errors.push(`${question}: ${error.message}`);
    }
    return undefined;
  }

  private compare(what: string, now: number | undefined): void {
    if (now === undefined) return;
    const before = this.seen.get(what) ?? 0;
    if (now < before) this.wentBack.push(`${what}: ${String(before)} were seen, and then ${String(now)}`);
    this.seen.set(what, now);
  }
}

const answerMsMax = 10_000;
