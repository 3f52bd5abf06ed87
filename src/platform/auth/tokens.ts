import { createSigner, createVerifier, TokenError } from 'fast-jwt';
import { LRUCache } from 'lru-cache';
import { v4 } from 'uuid';
import { z } from 'zod';
import { UserSub } from '../../kernel/ids.js';
import type { Refusal } from '../../kernel/decision-model.js';
import { refuse } from '../../kernel/decision-model.js';

/**
 * Who is calling, and which things they may touch: signed tokens, one kind for each secret.
 *
 * A refused token is a value, because some routes look at two tokens in an order their clients rely on. The algorithm is
 * pinned: a token never chooses how it is checked.
 */
export type TokenRefusal = Refusal<'not_set' | 'bad_format' | 'invalid'>;

/** Tokens of people issued before this second were withdrawn, all of them. */
const peopleIssuedAtMin = 1_679_589_900;
const issuer = 'oseh';
const verifiedMax = 10_000;
const refusedMax = 1_000;
/** Longer ones are checked each time, so that the cache's memory has a bound. */
const cachedCharactersMax = 2_048;

interface TokenKind<Claims> {
  readonly audience: string;
  readonly claims: z.ZodType<Claims & { readonly exp: number }>;
}

const Registered = z.object({ sub: z.string().min(1).max(255), iat: z.number(), exp: z.number() });

/** Keys to one thing each, named by the token's `sub`. They say nothing about who holds them. One line per kind. */
const keyAudiences = {
  interactivePrompt: 'oseh-interactive-prompt',
  journey: 'oseh-journey',
  image: 'oseh-image',
} as const;

export type KeyKind = keyof typeof keyAudiences;
export type TokenSecrets = Readonly<Record<'user' | KeyKind, string>>;

export interface KeyToken {
  readonly sub: string;
}

export const keyTokens = (kind: KeyKind): TokenKind<KeyToken> => ({ audience: keyAudiences[kind], claims: Registered });

export interface UserToken {
  readonly sub: UserSub;
  readonly admin: boolean;
  readonly givenName?: string | undefined;
  readonly name?: string | undefined;
  readonly preferredUsername?: string | undefined;
  readonly nickname?: string | undefined;
}

const nameClaim = z.string().max(255).optional().catch(undefined);

export const userTokens: TokenKind<UserToken> = {
  audience: 'oseh-id',
  claims: Registered.extend({
    sub: UserSub,
    iat: z.number().min(peopleIssuedAtMin),
    jti: z.string().min(1),
    'oseh:admin': z.boolean().optional(),
    given_name: nameClaim,
    name: nameClaim,
    preferred_username: nameClaim,
    nickname: nameClaim,
  }).transform((claims) => ({
    sub: claims.sub,
    exp: claims.exp,
    admin: claims['oseh:admin'] === true,
    givenName: claims.given_name,
    name: claims.name,
    preferredUsername: claims.preferred_username,
    nickname: claims.nickname,
  })),
};

export type Verify<Claims> = (jwt: string) => Claims | TokenRefusal;

/**
 * A verification costs an HMAC and two parses, and people send the same token for hours, so what was verified is kept until
 * it expires. So is what was refused: a token of another kind, sent with every poll, costs more to refuse than to accept.
 */
export function verifier<Claims extends object>(kind: TokenKind<Claims>, secret: string): Verify<Claims> {
  const check: (jwt: string) => unknown = createVerifier({
    key: secret,
    algorithms: ['HS256'],
    allowedAud: kind.audience,
    allowedIss: issuer,
    requiredClaims: ['sub', 'iss', 'exp', 'aud', 'iat'],
  });
  const verified = new LRUCache<string, Claims & { readonly exp: number }>({ max: verifiedMax });
  const refused = new LRUCache<string, TokenRefusal>({ max: refusedMax });

  return (jwt) => {
    const known = verified.get(jwt);
    if (known !== undefined && known.exp * 1_000 > Date.now()) return known;
    const again = refused.get(jwt);
    if (again !== undefined) return again;

    const { payload, final } = checked(check, jwt);
    const claims = kind.claims.safeParse(payload);
    if (claims.success) {
      if (jwt.length <= cachedCharactersMax) verified.set(jwt, claims.data);
      return claims.data;
    }
    const refusal = refuse('invalid');
    if (final && jwt.length <= cachedCharactersMax) refused.set(jwt, refusal);
    return refusal;
  };
}

function checked(check: (jwt: string) => unknown, jwt: string): { readonly payload: unknown; readonly final: boolean } {
  try {
    return { payload: check(jwt), final: true };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    // A token whose time has not come yet is the only one that can become right.
    return { payload: undefined, final: error.code !== TokenError.codes.inactive };
  }
}

export function isRefused(result: object): result is TokenRefusal {
  return 'refused' in result;
}

/** The token of an `authorization: bearer <token>` header. */
export function bearerToken(header: string | undefined): string | TokenRefusal {
  if (header === undefined) return refuse('not_set');
  const token = /^bearer ([^\s]+)$/i.exec(header)?.[1];
  return token ?? refuse('bad_format');
}

/** The token of a body or query field, where a `bearer ` prefix is a client's mistake. */
export function bareToken(jwt: string): string | TokenRefusal {
  return /^bearer /i.test(jwt) ? refuse('bad_format') : jwt;
}

export interface UserTokenRequest {
  readonly sub: string;
  readonly admin?: boolean | undefined;
  readonly givenName?: string | undefined;
  readonly lifeSeconds?: number | undefined;
}

export function issueUserToken(
  secret: string,
  { sub, admin, givenName, lifeSeconds = 86_400 }: UserTokenRequest,
): string {
  const now = Math.floor(Date.now() / 1_000);
  return sign(secret, {
    sub: UserSub.parse(sub),
    iss: issuer,
    aud: userTokens.audience,
    iat: now,
    exp: now + lifeSeconds,
    jti: v4(),
    ...(admin === true ? { 'oseh:admin': true } : {}),
    ...(givenName === undefined ? {} : { given_name: givenName }),
  });
}

export interface KeyRequest {
  readonly sub: string;
  /** Absent: now. Said, the same request makes the same token, and a repeated command can get the answer of the first. */
  readonly at?: Date | undefined;
  readonly lifeSeconds?: number | undefined;
}

/** `iat` lies a second back, so that a reader whose clock is a little behind accepts the token at once. */
export function issueKey(
  kind: KeyKind,
  secret: string,
  { sub, at = new Date(), lifeSeconds = 1_800 }: KeyRequest,
): string {
  const now = Math.floor(at.getTime() / 1_000);
  return sign(secret, { sub, iss: issuer, aud: keyAudiences[kind], iat: now - 1, exp: now + lifeSeconds });
}

const signers = new LRUCache<string, (claims: Readonly<Record<string, unknown>>) => string>({ max: 16 });

function sign(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const known = signers.get(secret) ?? createSigner({ key: secret, algorithm: 'HS256' });
  signers.set(secret, known);
  return known(claims);
}
