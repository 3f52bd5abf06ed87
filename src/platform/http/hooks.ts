import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Tokens } from '../auth/verification.js';
import type { Log } from '../telemetry/log.js';
import { childrenOf, type Metrics } from '../telemetry/metrics.js';
import { requestSpan, within } from '../telemetry/trace.js';
import { decorateWithCall } from './call.js';
import { unwrapReached } from './position.js';

export interface HookParts {
  readonly tokens: Tokens;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * What happens around every request. Plain Fastify hooks with callbacks: an interceptor of the framework costs an observable
 * and several promises per request, which is more than a route that does nothing.
 */
export function addHooks(fastify: FastifyInstance, { tokens, log, metrics }: HookParts): void {
  const observe = observer(log, metrics);
  decorateWithCall(fastify, tokens);
  fastify.addHook('onRequest', (request, reply, done) => {
    begin(request, reply);
    done();
  });
  // Only here, after the body was read: its events come from the socket and would lose the span again.
  fastify.addHook('preHandler', ({ call }, _reply, done) => {
    if (call.span === undefined) done();
    else within(call.span, done);
  });
  fastify.addHook('preSerialization', unwrapReached);
  fastify.addHook('onResponse', (request, reply, done) => {
    observe(request, reply);
    done();
  });
}

function begin(request: FastifyRequest, reply: FastifyReply): void {
  const { call } = request;
  const attributes = { 'http.request.method': request.method, 'http.route': call.route ?? '' };
  call.span = requestSpan(`${request.method} ${call.route ?? ''}`, request.headers, attributes);
  void reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
}

/** Probes come every few seconds and say nothing, unless they fail. */
const quiet: ReadonlySet<string | undefined> = new Set(['/health/live', '/health/ready', '/metrics']);

function observer(log: Log, metrics: Metrics): (request: FastifyRequest, reply: FastifyReply) => void {
  const durations = childrenOf(
    metrics.durations({
      name: 'http_request_duration_seconds',
      help: "From the request's head to the answer's last byte.",
      labels: ['method', 'route', 'status'],
    }),
  );

  return ({ method, id, call }, { statusCode: status }) => {
    const ms = performance.now() - call.startedAtMs;
    const { route, failure } = call;
    durations(method, route ?? 'none', String(status)).observe(ms / 1_000);
    call.span?.setAttribute('http.response.status_code', status).end();

    const facts = {
      method,
      route,
      status,
      ms: round(ms),
      requestId: id,
      correlationId: call.correlationId,
      actor: call.actor,
    };
    if (failure !== undefined) log[status === 500 ? 'error' : 'warn']({ ...facts, err: failure }, 'request');
    else log[quiet.has(route) ? 'debug' : 'info'](facts, 'request');
  };
}

const round = (ms: number) => Math.round(ms * 100) / 100;
