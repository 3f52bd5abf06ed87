import type { KeyKind, KeyRequest, KeyToken, TokenRefusal, TokenSecrets, UserToken, Verify } from './tokens.js';
import { bareToken, bearerToken, issueKey, keyTokens, userTokens, verifier } from './tokens.js';

/** Checks and issues the tokens of this program, with the secrets it was given. */
export class Tokens {
  readonly #user: Verify<UserToken>;
  readonly #keys = new Map<KeyKind, Verify<KeyToken>>();

  constructor(private readonly secrets: TokenSecrets) {
    this.#user = verifier(userTokens, secrets.user);
  }

  /** Who sent a request, by its `authorization` header. */
  user(authorization: string | undefined): UserToken | TokenRefusal {
    const token = bearerToken(authorization);
    return typeof token === 'string' ? this.#user(token) : token;
  }

  /** A key that stands in a body or a query. */
  key(kind: KeyKind, jwt: string): KeyToken | TokenRefusal {
    const token = bareToken(jwt);
    return typeof token === 'string' ? this.keys(kind)(token) : token;
  }

  /** A key that stands in the `authorization` header. */
  keyInHeader(kind: KeyKind, authorization: string | undefined): KeyToken | TokenRefusal {
    const token = bearerToken(authorization);
    return typeof token === 'string' ? this.keys(kind)(token) : token;
  }

  issueKey(kind: KeyKind, request: KeyRequest): string {
    return issueKey(kind, this.secrets[kind], request);
  }

  private keys(kind: KeyKind): Verify<KeyToken> {
    const known = this.#keys.get(kind) ?? verifier(keyTokens(kind), this.secrets[kind]);
    this.#keys.set(kind, known);
    return known;
  }
}
