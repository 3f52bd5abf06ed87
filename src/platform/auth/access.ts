import type { CanActivate, CustomDecorator, ExecutionContext } from '@nestjs/common';
import { createParamDecorator, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../http/problem.js';
import type { TokenRefusal, UserToken } from './tokens.js';
import { isRefused } from './tokens.js';

/**
 * Who may use a route. One that says nothing needs a user token: forgetting a decorator closes a route, it never opens one.
 */
export type Access =
  | { readonly to: 'admins' }
  | { readonly to: 'everybody'; readonly because: string }
  | { readonly to: 'whoever the route accepts'; readonly because: string };

const accessKey = 'chorus:access';
const allow = (access: Access): CustomDecorator => SetMetadata(accessKey, access);

export const Admin = (): CustomDecorator => allow({ to: 'admins' });

export const Public = (because: string): CustomDecorator => allow({ to: 'everybody', because });

/** For routes that judge several tokens in an order of their own. `@Caller()` hands them the user token unjudged. */
export const ChecksTokensItself = (because: string): CustomDecorator =>
  allow({ to: 'whoever the route accepts', because });

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = accessOf(this.reflector, context.getClass(), context.getHandler());
    if (access !== undefined && access.to !== 'admins') return true;
    const user = granted(callerOf(context));
    if (access !== undefined && !user.admin) throw new Problem(403, 'forbidden', 'This needs an administrator.');
    return true;
  }
}

type Target = Parameters<Reflector['get']>[1];

export function accessOf(reflector: Reflector, controller: Target, route: Target): Access | undefined {
  return reflector.getAllAndOverride<Access | undefined>(accessKey, [route, controller]);
}

/** The person who sends the request. */
export const User = createParamDecorator((_: unknown, context: ExecutionContext): UserToken =>
  granted(callerOf(context)),
);

/** The person who sends the request, or why that isn't known; `granted` turns the latter into an answer. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => callerOf(context));

function callerOf(context: ExecutionContext): UserToken | TokenRefusal {
  return context.switchToHttp().getRequest<FastifyRequest>().call.caller;
}

/** What a token allows, or the answer its bearer gets. */
export function granted<Claims extends object>(result: Claims | TokenRefusal): Claims {
  if (!isRefused(result)) return result;
  switch (result.refused) {
    case 'not_set':
      throw new Problem(401, 'not_set', 'The authorization header is missing.', challenge);
    case 'bad_format':
      throw new Problem(
        401,
        'bad_format',
        'The token is not where or how it should be: the header reads `bearer <token>`, a body holds the bare token.',
        challenge,
      );
    case 'invalid':
      throw new Problem(403, 'invalid', 'The token is not valid here, or no longer.');
  }
}

const challenge = { headers: { 'www-authenticate': 'Bearer' } } as const;
