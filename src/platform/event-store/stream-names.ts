import type { StreamRename } from '../../kernel/upcast.js';
import { categoryOf } from './event-store.js';

/** Renames contradict each other. */
class RenamesInvalid extends Error {
  override readonly name = 'RenamesInvalid';
}

/** Today's names and stored names, both ways. */
export class StreamNames {
  private readonly renames: readonly StreamRename[];

  constructor(renames: readonly StreamRename[]) {
    for (const [index, { from }] of renames.entries()) {
      const other = renames.slice(0, index).find((earlier) => categoryOf(earlier.from) === categoryOf(from));
      if (other !== undefined) throw new RenamesInvalid(`Streams ${from} are renamed in two ways.`);
    }
    this.renames = renames.map(({ from }) => ({ from, to: lastName(from, renames) }));
  }

  now(stored: string): string {
    for (const { from, to } of this.renames) if (stored.startsWith(from)) return to + stored.slice(from.length);
    return stored;
  }

  /** The names that a stream of today may be stored by besides its own. None for most, and at no cost. */
  before(stream: string): readonly string[] {
    let names: string[] | undefined;
    for (const { from, to } of this.renames) {
      if (stream.startsWith(to)) (names ??= []).push(from + stream.slice(to.length));
    }
    return names ?? none;
  }

  /** What a filter for today's categories must look for in storage. */
  storedCategories(categories: readonly string[]): readonly string[] {
    if (this.renames.length === 0) return categories;
    return categories.flatMap((category) => {
      if (this.renames.some(({ from }) => categoryOf(from) === category)) return [];
      const earlier = this.renames.filter(({ to }) => categoryOf(to) === category);
      return [category, ...earlier.map(({ from }) => categoryOf(from))];
    });
  }
}

const none: readonly string[] = [];

/** A name that was given later may have been changed again. */
function lastName(from: string, renames: readonly StreamRename[]): string {
  const route = [from];
  for (let name = from; ;) {
    const next = renames.find((rename) => name.startsWith(rename.from));
    if (next === undefined) return name;
    name = next.to + name.slice(next.from.length);
    if (!/^[A-Za-z][A-Za-z0-9_]*-/.test(name)) throw new RenamesInvalid(`Streams are named category-id, not ${name}.`);
    if (route.includes(name)) throw new RenamesInvalid(`Streams are renamed in a circle: ${route.join(' -> ')}.`);
    route.push(name);
  }
}
