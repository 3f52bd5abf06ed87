import { Inject, Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CrowdAsOf } from '../../projections/interactive-prompts/crowd-as-of.js';
import { CrowdsInMemory } from '../../projections/interactive-prompts/crowd-in-memory.js';
import type { Watched } from '../../projections/interactive-prompts/crowd-rows.js';
import type { CrowdSums } from '../../projections/interactive-prompts/crowd-sums.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { notThereYet } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';

const retryAfterSeconds = 5;

export interface Moment {
  /** What the answer must include. */
  readonly atLeast: bigint;
  /** What it must not go beyond; absent: now. */
  readonly asOf: bigint | undefined;
}

/** The crowd of a prompt, now or as it was, or the answer that somebody gets who asks too early or for too much. */
@Injectable()
export class Crowds {
  constructor(
    private readonly queries: QueryBus,
    private readonly memory: CrowdsInMemory,
    @Inject(CONFIG) private readonly config: Pick<Config, 'READ_WAIT_MS_MAX'>,
  ) {}

  /** To be read at once: nothing may be awaited before, because the sums go on changing. */
  async of({ promptUid, durationSeconds }: Watched, { asOf, atLeast }: Moment): Promise<CrowdSums> {
    const waitMs = this.config.READ_WAIT_MS_MAX;
    if (asOf !== undefined) return this.asOf({ promptUid, durationSeconds }, asOf);
    const sums = await this.memory.of({ promptUid, durationSeconds }, { atLeast, waitMs });
    if (sums.position < atLeast) throw notThereYet(atLeast, sums.position);
    return sums;
  }

  private async asOf(prompt: Watched, position: bigint): Promise<CrowdSums> {
    const then = await this.queries.execute(new CrowdAsOf(prompt, position, this.config.READ_WAIT_MS_MAX));
    switch (then.outcome) {
      case 'seen':
        return then.sums;
      case 'behind':
        throw notThereYet(position, then.at);
      case 'too_many_sessions':
        throw new Problem(422, then.outcome, 'The prompt has too many sessions to look back at all of them.');
      case 'too_many_events':
        throw new Problem(422, then.outcome, 'Too much happened in the prompt to look back at all of it.');
      case 'busy':
        throw new Problem(503, then.outcome, 'Others are looking back at prompts. Try again.', { retryAfterSeconds });
    }
  }
}
