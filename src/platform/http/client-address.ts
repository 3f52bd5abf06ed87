import type { IncomingMessage } from 'node:http';
import type { Networks } from '../config/listed.js';

/**
 * Who is at the other end: the nearest address that is no proxy of ours. Each proxy appends the address that it was asked from,
 * so what stands further left than the first stranger is only what that stranger says.
 */
export function clientAddress(
  { socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>,
  proxies: Networks,
): string {
  let address = socket.remoteAddress ?? '';
  const said = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  while (proxies.have(address)) {
    const before = said.pop()?.trim() ?? '';
    if (before === '') break;
    address = before;
  }
  return address;
}
