import type { PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptShape } from '../../src/interactive-prompts/prompt-content.js';
import type { Json } from '../../src/kernel/event-family.js';
import { binOf, binsOf } from './bins.js';
import { type Category, changesBy, type Crowd, crowdOf, sessionsBy } from './crowd.js';
import { nodesToChange, nodesToRead } from './fenwick-tree.js';
import { presenceIn } from './prefix-sums.js';
import { afterStep } from './presence.js';

/** The sums of one prompt in memory, as trees of the same nodes as in the table, as of a position of the log. */
export class CrowdSums {
  private readonly trees = new Map<string, Float64Array>();
  private readonly people = new Map<string, Json>();
  private readonly bins: number;

  constructor(
    private readonly durationSeconds: number,
    public position: bigint,
  ) {
    this.bins = binsOf(durationSeconds);
  }

  get lastNode(): number {
    return this.bins - 1;
  }

  /** About how many numbers it holds. */
  get size(): number {
    return this.trees.size * this.bins + this.people.size * numbersPerPerson + 1;
  }

  setNode({ category, value, node, total }: StoredSum): void {
    this.tree(category, value)[node] = total;
  }

  setPerson(userSub: string, presence: Json): void {
    this.people.set(userSub, presence);
  }

  take(moment: PromptSessionMoment): void {
    const bin = binOf(moment.promptTime, this.durationSeconds);
    for (const { category, value, by } of changesBy(moment)) this.add(category, value, { bin, by });
    const by = sessionsBy(moment);
    if (by === 0) return;
    const after = afterStep(presenceIn(this.people.get(moment.userSub)), { bin, by });
    this.people.set(moment.userSub, after.presence);
    for (const step of after.people) this.add('people', 0, step);
  }

  at(bin: number, shape: PromptShape): Crowd {
    const nodes = [...nodesToRead(bin)];
    return crowdOf(shape, (category, value) => {
      const tree = this.trees.get(treeKey(category, value));
      return tree === undefined ? 0 : nodes.reduce((sum, node) => sum + (tree[node] ?? 0), 0);
    });
  }

  private add(category: Category, value: number, { bin, by }: { readonly bin: number; readonly by: number }): void {
    const tree = this.tree(category, value);
    for (const node of nodesToChange(bin, this.bins)) tree[node] = (tree[node] ?? 0) + by;
  }

  private tree(category: string, value: number): Float64Array {
    const key = treeKey(category, value);
    const known = this.trees.get(key) ?? new Float64Array(this.bins);
    this.trees.set(key, known);
    return known;
  }
}

export interface StoredSum {
  readonly category: string;
  readonly value: number;
  readonly node: number;
  readonly total: number;
}

/** A name, a list and their places in a map. */
const numbersPerPerson = 20;

function treeKey(category: string, value: number): string {
  return `${category} ${String(value)}`;
}
