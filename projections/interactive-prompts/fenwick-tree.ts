/**
 * A Fenwick tree over bins 0 to bins - 1, as sets of nodes.
 *
 * Changing a bin touches the nodes whose ranges hold it; the sum of all bins up to one is the sum of a few nodes. Both are at
 * most log2(bins + 1) nodes. The arithmetic is that of the textbook, which counts from one; nodes are stored counting from zero.
 */

/** A list and no generator: this is where a rebuild of sums spends its time. */
export function nodesToChange(bin: number, bins: number): readonly number[] {
  const nodes: number[] = [];
  for (let node = bin + 1; node <= bins; node += node & -node) nodes.push(node - 1);
  return nodes;
}

export function* nodesToRead(bin: number): Generator<number> {
  for (let node = bin + 1; node > 0; node -= node & -node) yield node - 1;
}
