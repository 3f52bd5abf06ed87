import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommandRefused } from '../deciding/refusals.js';
import { Problem } from './problem.js';
import { sendProblem } from './problem.filter.js';

/** How a route answers a decision's "no". */
export interface RefusalAnswer {
  readonly status: number;
  /** What clients branch on: the word of the specification. */
  readonly type: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

@Catch(CommandRefused)
export class RefusalFilter implements ExceptionFilter<CommandRefused> {
  readonly #answers: ReadonlyMap<string, RefusalAnswer>;

  constructor(
    readonly answers: readonly RefusalAnswer[],
    byReason: ReadonlyMap<string, RefusalAnswer>,
  ) {
    this.#answers = byReason;
  }

  catch(refused: CommandRefused, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const answer = this.#answers.get(refused.reason);
    // A model's reason that its routes don't know slipped past the compiler, so the table is of another model: a bug of ours.
    const error =
      answer === undefined ? refused : new Problem(answer.status, answer.type, answer.message, retryAfter(answer));
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/**
 * `@UseFilters(refusals<PromptRefusal>({ … }))`: a status for every reason of a decision model. One that is missing doesn't
 * compile.
 */
export function refusals<Reason extends string>(table: Readonly<Record<Reason, RefusalAnswer>>): RefusalFilter {
  const byReason = new Map<string, RefusalAnswer>(Object.entries(table));
  return new RefusalFilter([...byReason.values()], byReason);
}

function retryAfter({ retryAfterSeconds }: RefusalAnswer): { readonly retryAfterSeconds?: number } {
  return retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
}
