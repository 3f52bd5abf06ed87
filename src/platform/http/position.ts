import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { applyDecorators, createParamDecorator, Inject, Injectable, SetMetadata, UseGuards } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config.js';
import { ProjectionProgress } from '../projecting/progress.js';
import { invalidInput, Problem } from './problem.js';

/**
 * Reading one's own writes. A command's answer carries the position it reached; a read that names a position waits until its
 * read models have got there, for a bounded time.
 */
export const positionHeader = 'chorus-position';
export const atLeastHeader = 'chorus-at-least';
export const atLeastQuery = 'at_least';

/** What a command's route returns: the body, and the position from which reads see the effect. */
export class Reached<Body> {
  constructor(
    readonly position: bigint,
    readonly body: Body,
  ) {}
}

export function reached(position: { readonly position: bigint }): Reached<undefined>;
export function reached<Body>(position: { readonly position: bigint }, body: Body): Reached<Body>;
export function reached(at: { readonly position: bigint }, body?: unknown): Reached<unknown> {
  return new Reached(at.position, body);
}

/** Fastify's `preSerialization`: takes the answer out of its wrapper. */
export function unwrapReached(
  _request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: null, payload?: unknown) => void,
): void {
  if (!(payload instanceof Reached)) {
    done(null, payload);
    return;
  }
  void reply.header(positionHeader, String(payload.position));
  // Fastify takes undefined for "as it was", and a 204 sends neither.
  done(null, payload.body ?? null);
}

const waitsForKey = 'chorus:waits-for';

/** Names the read models that a route answers from, so that a client can ask for one that has seen a position. */
export function WaitsFor(...projections: readonly [string, ...string[]]): MethodDecorator {
  return applyDecorators(SetMetadata(waitsForKey, projections), UseGuards(WaitGuard));
}

/**
 * For a route whose answer knows how far it is: it asks `@AtLeast()` what it was asked for, waits itself, and gives up with
 * `notThereYet`.
 */
export function WaitsItself(...projections: readonly [string, ...string[]]): MethodDecorator {
  return SetMetadata(waitsForKey, projections);
}

/** The position that the client wants the answer to include; 0 if it named none. */
export const AtLeast = createParamDecorator(
  (_: unknown, context: ExecutionContext): bigint => takePosition(context.switchToHttp().getRequest()) ?? 0n,
);

export function readModelsOf(reflector: Reflector, route: Parameters<Reflector['get']>[1]): readonly string[] {
  return reflector.get<readonly string[] | undefined>(waitsForKey, route) ?? [];
}

@Injectable()
class WaitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly progress: ProjectionProgress,
    @Inject(CONFIG) private readonly config: Pick<Config, 'READ_WAIT_MS_MAX'>,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const http = context.switchToHttp();
    const position = takePosition(http.getRequest<FastifyRequest>());
    if (position === undefined) return true;
    const readModels = readModelsOf(this.reflector, context.getHandler());
    return this.wait(readModels, position, http.getResponse<FastifyReply>());
  }

  private async wait(readModels: readonly string[], position: bigint, reply: FastifyReply): Promise<true> {
    const waits = readModels.map((name) => this.progress.waitFor(name, position, this.config.READ_WAIT_MS_MAX));
    const all = await Promise.all(waits);
    const slowest = all.reduce((least, { at }) => (at < least ? at : least), all[0]?.at ?? position);
    if (!all.every((one) => one.reached)) throw notThereYet(position, slowest);
    void reply.header(positionHeader, String(slowest));
    return true;
  }
}

export function notThereYet(wanted: bigint, at: bigint): Problem {
  const lag = wanted - at;
  return new Problem(425, 'not_there_yet', `This has seen position ${String(at)}, not yet ${String(wanted)}.`, {
    retryAfterSeconds: 1,
    members: { lag: Number(lag), position: String(at) },
    headers: { [positionHeader]: String(at) },
  });
}

/** The header, or else the query field, which is taken out so that the route's own schema needn't know it. */
function takePosition(request: FastifyRequest): bigint | undefined {
  const header = request.headers[atLeastHeader];
  if (header !== undefined) return parsePosition(header, { in: 'header', path: `/${atLeastHeader}` });
  const { query } = request;
  if (typeof query !== 'object' || query === null || !(atLeastQuery in query)) return undefined;
  const { [atLeastQuery]: given, ...rest } = query;
  request.query = rest;
  return parsePosition(given, { in: 'query', path: `/${atLeastQuery}` });
}

const positionMax = 2n ** 63n - 1n;

function parsePosition(text: unknown, where: { readonly in: 'header' | 'query'; readonly path: string }): bigint {
  const position = typeof text === 'string' && /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (position !== undefined && position <= positionMax) return position;
  throw invalidInput([{ ...where, message: 'must be a position: a whole number from 0' }]);
}
