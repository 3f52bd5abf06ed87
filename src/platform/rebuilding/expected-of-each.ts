import type { Database } from '../database/database.js';
import type { Builds } from '../projecting/builds.js';
import type { Projection, TableSet } from '../projecting/projection.js';
import { parseExpectedDifferences } from '../proving/expected-differences.js';
import { storedTables } from './stored-tables.js';

/**
 * Which of the differences that somebody named are about which projection. A name of nothing is refused while whoever wrote it
 * is there: once it is in a row, every comparison would stumble over it. Rejects with ExpectedDifferenceRefused.
 */
export async function expectedOfEach(
  { database, builds }: ExpectingParts,
  projections: readonly Projection[],
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (names.length === 0) return new Map();
  const standing = await builds.list();
  const sides = await Promise.all(
    projections.map(async ({ name, tables }) => {
      const live = standing.find(({ projection, state }) => projection === name && state === 'live');
      const before = live === undefined ? {} : await storedTables(database.pool, live.schema);
      return { name, before, after: byName(tables) };
    }),
  );
  const all = (side: 'before' | 'after'): TableSet =>
    Object.fromEntries(sides.flatMap((each) => Object.entries(each[side])));
  parseExpectedDifferences(names, all('before'), all('after'));
  return new Map(
    sides.map(({ name, before, after }) => {
      const isOwn = (expected: string): boolean => (expected.split(/[.:]/)[0] ?? '') in { ...before, ...after };
      return [name, names.filter(isOwn)];
    }),
  );
}

export interface ExpectingParts {
  readonly database: Pick<Database, 'pool'>;
  readonly builds: Pick<Builds, 'list'>;
}

function byName(tables: TableSet): TableSet {
  return Object.fromEntries(Object.values(tables).map((table) => [table.name, table]));
}
