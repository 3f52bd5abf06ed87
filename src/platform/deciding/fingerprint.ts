import { hash } from 'node:crypto';

/** The same for the same wish, however its object was put together. */
export function fingerprintOf(stream: string, payload: { readonly type: string }): string {
  return hash('sha256', JSON.stringify([stream, payload], inKeyOrder), 'base64url');
}

function inKeyOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
