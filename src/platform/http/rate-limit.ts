import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Networks } from '../config/listed.js';
import { clientAddress } from './client-address.js';
import { Problem } from './problem.js';

/** Whoever watches over this program asks often, and must not be locked out by those it watches. */
const exempt: ReadonlySet<string | undefined> = new Set(['/health/live', '/health/ready', '/metrics']);
const callersMax = 50_000;

/**
 * A bound on what one caller may ask of this process in a minute: the person of a valid token, else the address. It protects
 * the process, so it is kept in its memory; several processes allow as many times as much.
 */
export async function limitRates(fastify: FastifyInstance, perMinute: number, proxies: Networks): Promise<void> {
  if (perMinute === 0) return;
  await fastify.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    cache: callersMax,
    keyGenerator: (request) => callerOf(request, proxies),
    allowList: (request: FastifyRequest) => exempt.has(request.call.route),
    addHeaders: { 'retry-after': false },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: (_request, { max, ttl }) => {
      const retryAfterSeconds = Math.ceil(ttl / 1_000);
      const message = `More than ${String(max)} requests in a minute. Wait ${String(retryAfterSeconds)} s.`;
      return new Problem(429, 'too_many_requests', message, { retryAfterSeconds });
    },
  });
}

/** The prefixes keep an address from being somebody's subject. */
function callerOf(request: FastifyRequest, proxies: Networks): string {
  const { actor } = request.call;
  return actor === undefined ? `address ${clientAddress(request.raw, proxies)}` : `person ${actor}`;
}
