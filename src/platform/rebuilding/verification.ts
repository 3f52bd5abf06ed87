import type { Database } from '../database/database.js';
import type { Projection, TableSet } from '../projecting/projection.js';
import { compareTables } from '../proving/compare.js';
import {
  differencesOfDefinition,
  parseExpectedDifferences,
  type ExpectedDifference,
} from '../proving/expected-differences.js';
import { inSnapshot, liveBuildOf } from '../proving/live-build.js';
import type { Filling } from './filling.js';
import { CutShort } from './problems.js';
import { Report, type Rebuild } from './rebuild.js';
import { storedTables } from './stored-tables.js';

/**
 * Compares the new build with the live one, at one position and without holding anybody up: a snapshot shows the live rows as
 * they are at its position while they go on changing, and the new build, which only we write, is brought to exactly there.
 */
export async function verify(database: Pick<Database, 'pool'>, order: VerifyOrder): Promise<Report> {
  const { filling, rebuild, bringTo, signal } = order;
  const { projection } = filling;
  const startedAt = performance.now();
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
    const ms = Math.round(performance.now() - startedAt);
    return Report.parse({ ...comparison, position: String(live.position), at: new Date().toISOString(), ms });
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

const rowsInSentence = 3;

/** Why it was not equal, with the first rows. */
export function whatDiffers({ tables, position }: Report): string {
  const sentences = tables.flatMap(({ table, shape, differences, differencesTotal }) => {
    const shapes = shape.map(({ sentence }) => sentence);
    if (differencesTotal === 0) return shapes;
    const rows = differences.slice(0, rowsInSentence).map(({ kind, key, columns }) => {
      const changed = Object.entries(columns).map(
        ([column, { before, after }]) => `${column} ${JSON.stringify(before)} -> ${JSON.stringify(after)}`,
      );
      return `${JSON.stringify(key)} ${kind}${kind === 'changed' ? ` (${changed.join(', ')})` : ''}`;
    });
    const more = differencesTotal > rows.length ? ', …' : '';
    return [...shapes, `${table} differs in ${String(differencesTotal)} rows: ${rows.join('; ')}${more}.`];
  });
  return `At position ${position} the new build is not the live one. ${sentences.join(' ')}`;
}
