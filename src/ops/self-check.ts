import { z } from 'zod';
import { projections } from '../../projections/registry.js';
import type { Json } from '../kernel/event-family.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import type { RowHistory } from '../platform/proving/contributors.js';
import type { RowDifference } from '../platform/proving/row-differences.js';
import { selfCheck, type SelfCheck } from '../platform/proving/self-check.js';
import { SelfCheckTable } from '../platform/proving/self-check-table.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { printJson, printLine, say } from './output.js';

export interface SelfCheckOptions extends Printing {
  readonly rows: number;
}

export async function checkReadModels(
  config: Config,
  name: string | undefined,
  options: SelfCheckOptions,
): Promise<void> {
  const wanted = projections.filter((each) => name === undefined || each.name === name);
  if (wanted.length === 0) {
    const known = projections.map((each) => each.name).sort();
    throw new CannotStart(`There is no read model ${name ?? ''}. There are ${known.join(', ')}.`);
  }
  await withLog(config, async ({ database, store }) => {
    const table = new SelfCheckTable(database);
    for (const projection of wanted) {
      const again = await table.standing(projection.name);
      if (again !== undefined) say(`${projection.name}: looking at the rows again that were wrong the last time.`);
      const check = await selfCheck({ database, store, projection, again, rowsWanted: options.rows });
      await table.record(check);
      if (options.json === true) printJson(plain(check));
      else print(check);
      if (check.outcome === 'mismatch') process.exitCode = 1;
    }
  });
}

function plain(check: SelfCheck): Json {
  if (check.outcome === 'skipped') return { projection: check.projection, outcome: check.outcome, why: check.why };
  const { position, differencesTotal, ...rest } = check;
  return z.json().parse({ ...rest, position: Number(position), differences_total: differencesTotal });
}

function print(check: SelfCheck): void {
  switch (check.outcome) {
    case 'skipped':
      printLine(`${check.projection}: not checked. ${check.why}`);
      return;
    case 'clean':
      printLine(
        `${check.projection}: ${String(check.rows)} rows are what the log makes of them, at ${String(check.position)}.`,
      );
      return;
    case 'mismatch':
      printLine(
        `${check.projection}: ${String(check.differencesTotal)} of ${String(check.rows)} rows are not what the log makes of them, at ${String(check.position)}.`,
      );
      for (const [at, difference] of check.differences.entries()) printDifference(difference, check.histories[at]);
  }
}

function printDifference({ table, key, kind, columns }: RowDifference, history: RowHistory | undefined): void {
  const named = Object.entries(key).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const what = { missing: 'should not be there', added: 'is not there', changed: 'is wrong' }[kind];
  printLine(`\n  ${table} ${named.join(' ')} ${what}`);
  for (const [name, { before, after }] of Object.entries(columns)) {
    printLine(`    ${name}: ${JSON.stringify(before)} in the table, ${JSON.stringify(after)} from the log`);
  }
  for (const { position, recorded_at, type, stream } of history?.events ?? []) {
    printLine(`    ${String(position).padStart(8)}  ${recorded_at}  ${type}  ${stream}`);
  }
}
