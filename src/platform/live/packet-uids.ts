import { randomBytes } from 'node:crypto';

/** Names for packets, unique over processes, and cheap: random bytes for the process and a counter. */
export function packetUids(): () => string {
  const bytes = randomBytes(16);
  const countAt = bytes.length - 6;
  let count = 0;
  return () => {
    count += 1;
    bytes.writeUIntBE(count, countAt, 6);
    return `oseh_packet_${bytes.toString('base64url')}`;
  };
}
