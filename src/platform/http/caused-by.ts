import { hash } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import { createParamDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Cause } from '../deciding/stream-command.js';
import { invalidInput } from './problem.js';

/**
 * Turns a request into the cause of a command: who, in which trace, and under which id.
 *
 * The id is made of the person, the route and the client's `Idempotency-Key`, so two people, or two routes, may use the same
 * key. The fingerprint covers everything that was asked: the same key with another question is refused by the log.
 */
export const causeOfContext = (_: unknown, context: ExecutionContext): Cause =>
  causeOf(context.switchToHttp().getRequest<FastifyRequest>());

export const CausedBy = createParamDecorator(causeOfContext);

function causeOf(request: FastifyRequest): Cause {
  const { call } = request;
  const { actor, trace } = call;
  return {
    correlationId: call.correlationId,
    ...(actor === undefined ? {} : { actor }),
    ...(trace === undefined ? {} : { trace }),
    ...repeatability(request, actor),
  };
}

function repeatability(request: FastifyRequest, actor = ''): Pick<Cause, 'commandId' | 'fingerprint'> {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return {};
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    const message = 'must be 1 to 255 visible ASCII characters';
    throw invalidInput([{ in: 'header', path: '/idempotency-key', message }]);
  }
  return {
    commandId: digest([actor, request.method, request.call.route, key]),
    fingerprint: digest([request.method, request.url, request.call.bodyText]),
  };
}

/** JSON keeps the parts apart, so no two lists of parts look the same. */
function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
