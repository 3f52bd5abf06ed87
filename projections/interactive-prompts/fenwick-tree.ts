/**
 * A Fenwick tree over bins 0 to bins - 1, as sets of nodes.
 *
 * Changing a bin touches the nodes whose ranges hold it; the sum of all bins up to one is the sum of a few nodes. Both are at
 * most log2(bins + 1) nodes. The arithmetic is that of the textbook, which counts from one; nodes are stored counting from zero.
 */
export function* nodesToChange(bin: number, bins: number): Generator<number> {
  for (let node = bin + 1; node <= bins; node += node & -node) yield node - 1;
}

export function* nodesToRead(bin: number): Generator<number> {
  for (let node = bin + 1; node > 0; node -= node & -node) yield node - 1;
}
