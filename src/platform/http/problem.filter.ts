import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, HttpException, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AppendOutcomeUnknown,
  AppendQueueFull,
  AppendTooLarge,
  CommandReused,
  StoreUnavailable,
  VersionConflict,
} from '../event-store/errors.js';
import { StreamBusy } from '../deciding/refusals.js';
import { bodyOf, headersOf, Problem, problemMediaType } from './problem.js';
import type { Routes } from './routes.js';

/** The one place where an error becomes an answer. What nobody foresaw is a 500 that tells the client nothing but where to ask. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: Routes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const known = error instanceof NotFoundException && request.is404 ? this.nothingThere(request) : error;
    sendProblem(known, request, http.getResponse<FastifyReply>());
  }

  private nothingThere({ url, method }: FastifyRequest): Problem {
    const allowed = this.routes.methodsOf(url.replace(/\?.*$/s, ''));
    if (allowed.length === 0) return new Problem(404, 'not_found', 'There is nothing at this address.');
    const allow = allowed.join(', ');
    return new Problem(405, 'method_not_allowed', `${method} is not possible here, but ${allow}.`, {
      headers: { allow },
    });
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request) ?? unforeseen;
  if (problem.status >= 500) request.call.failure = error;
  // The head of a stream may be on its way: then the connection's end is all that can still be said.
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  void reply
    .code(problem.status)
    .headers(headersOf(problem))
    .type(problemMediaType)
    .send(JSON.stringify(bodyOf(problem, request.id)));
}

const unforeseen = new Problem(
  500,
  'internal_error',
  'Something went wrong on our side. The log has the details under the request id.',
);

/** undefined: nobody foresaw it. */
function problemOf(error: unknown, request: FastifyRequest): Problem | undefined {
  if (error instanceof Problem) return error;
  return problemOfLog(error, request) ?? problemOfShell(error);
}

function problemOfLog(error: unknown, request: FastifyRequest): Problem | undefined {
  if (error instanceof StreamBusy) return later('busy', tooBusy);
  if (error instanceof VersionConflict) {
    return request.headers['if-match'] === undefined
      ? later('busy', tooBusy)
      : new Problem(409, 'version_conflict', 'It was changed since you read it.');
  }
  if (error instanceof CommandReused) {
    return new Problem(422, 'idempotency_key_reused', 'This Idempotency-Key was already used for another request.');
  }
  if (error instanceof AppendTooLarge) return new Problem(413, 'too_large', error.message);
  if (error instanceof AppendQueueFull || error instanceof StoreUnavailable) {
    return later('unavailable', 'The event log cannot take this right now. Nothing was changed; try again.');
  }
  if (error instanceof AppendOutcomeUnknown) {
    return later(
      'outcome_unknown',
      'The connection to the event log broke: the change may or may not have been made. Repeating the request with the same Idempotency-Key is safe.',
    );
  }
  return undefined;
}

const tooBusy = 'Too many changes to the same thing at once. Nothing was changed; try again.';

const later = (type: string, message: string) => new Problem(503, type, message, { retryAfterSeconds: 1 });

/** What Fastify refuses before a route is reached, by its error code, in our words. */
const shellProblems: Readonly<Record<string, readonly [status: number, type: string, message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'too_large', 'The body is larger than this server accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'unsupported_media_type', 'The body must be application/json.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    400,
    'malformed_json',
    'The body is not well-formed JSON, or has a key that is not allowed.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'malformed_json', 'The body is empty, but its content type says JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'bad_request', 'The body is not as long as its content-length says.'],
  FST_ERR_BAD_URL: [400, 'bad_request', 'The path is not a well-formed URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'uri_too_long', 'A part of the path is too long.'],
};

export function shellProblem(code: string): Problem | undefined {
  const known = shellProblems[code];
  return known === undefined ? undefined : new Problem(...known);
}

const byStatus: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ['bad_request', 'The request is malformed.'],
  404: ['not_found', 'There is nothing at this address.'],
  408: ['request_timeout', 'The request took too long to arrive.'],
};

function problemOfShell(error: unknown): Problem | undefined {
  // Nest wraps what Fastify throws.
  const shown = error instanceof HttpException ? (error.cause ?? error) : error;
  const known = shellProblem(codeOf(shown));
  if (known !== undefined) return known;
  const status = statusOf(shown) ?? statusOf(error);
  if (status === undefined || status < 400 || status >= 500) return undefined;
  const [type, message] = byStatus[status] ?? ['bad_request', 'The request cannot be served.'];
  return new Problem(status, type, message);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}
