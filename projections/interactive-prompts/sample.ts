/**
 * Where an event stands in every sample, from 0 to just below 1, by its id alone: a sample that keeps m of n keeps those below
 * m / n. Which these are never changes, and raising m only adds some. (FNV-1a, and Murmur's last step to spread it.)
 */
export function sampleOf(eventUid: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < eventUid.length; at += 1) hash = Math.imul(hash ^ eventUid.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
