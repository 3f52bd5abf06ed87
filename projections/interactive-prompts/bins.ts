/**
 * Where on its timeline a prompt counts an event.
 *
 * Prefix sums are kept in *bins*, one less than a power of two so that a tree over them has no spare node, and at most about a
 * second wide. The histogram of all events is kept in *buckets* of exactly one second. Everything that writes or reads either
 * asks here, and nowhere else: two opinions about a boundary are two different crowds.
 */
export function binsOf(durationSeconds: number): number {
  let nodes = 2;
  while (durationSeconds / nodes > 1) nodes *= 2;
  return nodes - 1;
}

export function binWidthSecondsOf(durationSeconds: number): number {
  return durationSeconds / binsOf(durationSeconds);
}

/**
 * The double division is the rule, rounding error included: for a few durations it puts an event on a boundary into the
 * earlier bin, and sums carried over from earlier systems were counted that way. What happens at the very end belongs to the
 * last bin.
 */
export function binOf(promptTime: number, durationSeconds: number): number {
  return Math.min(binsOf(durationSeconds) - 1, Math.floor(promptTime / binWidthSecondsOf(durationSeconds)));
}

/** Up to when a bin counts: the last one ends with the prompt, whatever rounding says. */
export function endOfBin(bin: number, durationSeconds: number): number {
  return bin === binsOf(durationSeconds) - 1 ? durationSeconds : (bin + 1) * binWidthSecondsOf(durationSeconds);
}

/** One more bucket than seconds: what happens at the very end has the last one to itself. */
export function bucketOf(promptTime: number): number {
  return Math.floor(promptTime);
}
