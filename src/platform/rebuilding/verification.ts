import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import type { Projection, TableSet } from '../projecting/projection.js';
import { compareTables, type Comparison } from '../proving/compare.js';
import {
  differencesOfDefinition,
  parseExpectedDifferences,
  type ExpectedDifference,
} from '../proving/expected-differences.js';
import { inSnapshot, liveBuildOf, type LiveBuild } from '../proving/live-build.js';
import type { Querying } from '../proving/querying.js';
import type { Filling } from './filling.js';
import { CutShort } from './problems.js';
import type { Rebuild, Report } from './rebuild.js';
import { storedTables } from './stored-tables.js';
import { withEvents } from './touching-events.js';

/**
 * Compares the new build with the live one, at one position and without holding anybody up: a snapshot shows the live rows as
 * they are at its position while they go on changing, and the new build, which only we write, is brought to exactly there.
 */
export async function verify(parts: VerifyParts, order: VerifyOrder): Promise<Report> {
  const { projection } = order.filling;
  const startedAt = performance.now();
  const { position, equal, tables, regained } = await compared(parts.database, order);
  // By now no snapshot is held, which would keep the database from cleaning up behind it.
  const naming = { projection, store: parts.store, upTo: position, signal: order.signal };
  const rows = await withEvents(
    tables.flatMap(({ differences }) => differences),
    naming,
  );
  return {
    position: Number(position),
    at: new Date().toISOString(),
    ms: Math.round(performance.now() - startedAt),
    equal,
    regained: [...regained],
    tables: tables.map((each) => ({
      table: each.table,
      rows_before: each.rowsBefore,
      rows_after: each.rowsAfter,
      buckets_differing: each.bucketsDiffering,
      expected_applied: [...each.expectedApplied],
      shape: [...each.shape],
      differences: rows.filter(({ table }) => table === each.table),
      differences_total: each.differencesTotal,
    })),
  };
}

export interface VerifyParts {
  readonly database: Pick<Database, 'pool'>;
  readonly store: EventStore;
}

async function compared(
  database: Pick<Database, 'pool'>,
  { filling, rebuild, bringTo, signal }: VerifyOrder,
): Promise<Comparison & { readonly position: bigint; readonly regained: readonly number[] }> {
  const { projection } = filling;
  return inSnapshot(database, async (before) => {
    const live = await liveBuildOf(before, projection);
    if (live === undefined) throw new TypeError(`${projection.name} has no live build.`);
    if (!(await bringTo(live.position))) throw new CutShort(projection.name);
    const tables = await storedTables(before, live.schema);
    const expected = expectedDifferences(rebuild, projection, tables);
    const comparison = await inSnapshot(database, (after) =>
      compareTables(
        { client: before, schema: live.schema, tables },
        { client: after, schema: filling.schema, tables: projection.tables },
        expected,
        { signal },
      ),
    );
    return { ...comparison, regained: await regainedBy(before, rebuild, live), position: live.position };
  });
}

export interface VerifyOrder {
  readonly filling: Filling;
  readonly rebuild: Rebuild;
  /** False when a problem, a pause or an abort cut it short. */
  readonly bringTo: (position: bigint) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What the operator named, and what the definition of another version says of itself. */
function expectedDifferences(
  { expected, reason }: Rebuild,
  projection: Projection,
  before: TableSet,
): readonly ExpectedDifference[] {
  const { tables, differs = [] } = projection;
  const named = parseExpectedDifferences(reason === 'version' ? [...expected, ...differs] : expected, before, tables);
  return [...named, ...differencesOfDefinition(before, tables)];
}

/** What the new build could not take either is not among them: it has a letter of its own. */
async function regainedBy(client: Querying, { build }: Rebuild, { without, position }: LiveBuild): Promise<number[]> {
  const { rows } = await client.query('select position from projecting.dead_letters where build = $1', [build]);
  const still = new Set(Positions.parse(rows).map((letter) => letter.position));
  return [...without].filter((each) => each <= position && !still.has(each)).map(Number);
}

const Positions = z.array(z.object({ position: z.coerce.bigint() }));
