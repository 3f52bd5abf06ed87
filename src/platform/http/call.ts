import type { Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TokenRefusal, UserToken } from '../auth/tokens.js';
import type { Tokens } from '../auth/verification.js';
import { traceparentOf } from '../telemetry/trace.js';

/** One request, as everything between the socket and its route sees it. Made once; what costs something is found when asked for. */
class Call {
  readonly startedAtMs = performance.now();
  /** The pattern, not the path: a word that logs, metrics and command ids can be grouped by. */
  readonly route: string | undefined;
  span: Span | undefined;
  /** What went wrong on our side; the line that is logged about the request holds it. */
  failure: unknown;
  /** As it came, when the request has an idempotency key. */
  bodyText = '';
  #caller: UserToken | TokenRefusal | undefined;

  constructor(
    private readonly request: FastifyRequest,
    private readonly tokens: Tokens,
  ) {
    this.route = request.is404 ? undefined : request.routeOptions.url;
  }

  /** Who calls, or why that isn't known. */
  get caller(): UserToken | TokenRefusal {
    this.#caller ??= this.tokens.user(this.request.headers.authorization);
    return this.#caller;
  }

  get actor(): string | undefined {
    return 'refused' in this.caller ? undefined : this.caller.sub;
  }

  /** The client's own, if it can stand in a log line and an event, else the request's id. */
  get correlationId(): string {
    const given = this.request.headers['x-correlation-id'];
    return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : this.request.id;
  }

  get trace(): string | undefined {
    return traceparentOf(this.span, this.request.headers['traceparent']);
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    readonly call: Call;
    callMade: Call | undefined;
  }
}

/** Made when first asked for: some requests are turned away before any hook of ours sees them, and are answered all the same. */
export function decorateWithCall(fastify: FastifyInstance, tokens: Tokens): void {
  fastify.decorateRequest('callMade');
  fastify.decorateRequest('call', {
    getter(this: FastifyRequest) {
      this.callMade ??= new Call(this, tokens);
      return this.callMade;
    },
  });
}
