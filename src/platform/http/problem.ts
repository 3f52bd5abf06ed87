import { STATUS_CODES } from 'node:http';
import { z } from 'zod';

/**
 * What a client is told when something doesn't work: RFC 9457 problem details, with the `message` and `markdown` that
 * existing clients show and a `type` they branch on.
 *
 * It is thrown by whatever stands between the socket and a route. Decisions never throw it: their refusals are values, and
 * get their status from the route's table.
 */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    readonly more: ProblemExtras = {},
  ) {
    super(message);
  }
}

export interface ProblemExtras {
  /** For 503, 425 and 429: when it is worth asking again. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body, for programs. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Where input was wrong: a JSON pointer into the named part of the request. */
export const InputError = z.object({
  in: z.enum(['body', 'query', 'param', 'header']),
  path: z.string().describe('JSON pointer into that part; empty for the whole of it'),
  message: z.string(),
});
export type InputError = z.infer<typeof InputError>;

export const ProblemBody = z
  .looseObject({
    type: z.string().describe('What a program branches on'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    message: z.string().describe('Equal to `detail`'),
    markdown: z.string().describe('`detail`, to be shown to a person'),
    instance: z.string().describe('This very occurrence'),
    requestId: z.string().describe('Quote it when asking for help; the log has it'),
    errors: z.array(InputError).optional(),
  })
  .meta({ id: 'Problem' });
export type ProblemBody = z.infer<typeof ProblemBody>;

export const problemMediaType = 'application/problem+json';

export function bodyOf(problem: Problem, requestId: string): ProblemBody {
  return {
    ...problem.more.members,
    type: problem.type,
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    message: problem.message,
    markdown: problem.message,
    instance: `urn:request:${requestId}`,
    requestId,
  };
}

export function headersOf({ more }: Problem): Readonly<Record<string, string>> {
  return more.retryAfterSeconds === undefined
    ? { ...more.headers }
    : { ...more.headers, 'retry-after': String(more.retryAfterSeconds) };
}

export function invalidInput(errors: readonly InputError[]): Problem {
  const detail = errors.map((error) => `${error.in}${error.path}: ${error.message}`).join('; ');
  return new Problem(422, 'invalid_request', detail, { members: { errors } });
}
