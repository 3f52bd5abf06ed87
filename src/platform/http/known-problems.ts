import { HttpException } from '@nestjs/common';
import { codeOf } from '../database/error-code.js';
import { isOutage } from '../database/outage.js';
import { StreamBusy } from '../deciding/refusals.js';
import {
  AppendOutcomeUnknown,
  AppendQueueFull,
  AppendTooLarge,
  CommandReused,
  StoreUnavailable,
  VersionConflict,
} from '../event-store/errors.js';
import { ReadModelMissing, ReadModelRefused } from '../projecting/read-rows.js';
import { Problem } from './problem.js';

type Headers = Readonly<Record<string, unknown>>;

/** What a client is told about an error that can be expected. undefined: nobody foresaw it. */
export function problemOf(error: unknown, headers: Headers): Problem | undefined {
  if (error instanceof Problem) return error;
  return problemOfLog(error, headers) ?? problemOfShell(error) ?? problemOfDatabase(error);
}

/** A read fails with what the driver throws; commands get here as errors of the log. */
function problemOfDatabase(error: unknown): Problem | undefined {
  if (error instanceof ReadModelMissing)
    return later('not_built_yet', 'What this reads is still being built. Try again.');
  if (error instanceof ReadModelRefused) {
    return new Problem(503, 'read_model_refused', error.message, { retryAfterSeconds: 30 });
  }
  return isOutage(error) ? later('unavailable', 'The database cannot be used right now. Try again.') : undefined;
}

function problemOfLog(error: unknown, headers: Headers): Problem | undefined {
  if (error instanceof StreamBusy) return later('busy', tooBusy);
  if (error instanceof VersionConflict) {
    return headers['if-match'] === undefined
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
  const known = shellProblem(codeOf(shown) ?? '');
  if (known !== undefined) return known;
  const status = statusOf(shown) ?? statusOf(error);
  if (status === undefined || status < 400 || status >= 500) return undefined;
  const [type, message] = byStatus[status] ?? ['bad_request', 'The request cannot be served.'];
  return new Problem(status, type, message);
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}
