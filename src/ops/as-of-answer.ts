import type { Config } from '../platform/config/config.js';
import type { Moment } from '../platform/time-travel/moment.js';
import type { Question } from '../platform/time-travel/question.js';
import type { AsOf } from '../platform/time-travel/time-travel.js';
import type { Printing } from './environment.js';
import { printJson, printTable, say } from './output.js';
import { printDifferences } from './printed-differences.js';
import { travelling, type Permission } from './travelling.js';

export interface AsOfOrder extends Question, Printing, Permission {
  readonly moment: Moment;
  readonly model: string;
  readonly diff?: Moment;
}

export async function answerAsOf(config: Config, order: AsOfOrder): Promise<void> {
  const { moment, model, diff, json } = order;
  await travelling(config, order, async (time, how) => {
    const travel = { model, ...how };
    if (diff === undefined) {
      const answer = await time.asOf(travel, moment, order);
      return () => {
        if (json === true) printJson({ ...answer });
        else printRows(answer);
      };
    }
    const { tables, before, after } = await time.between(travel, [moment, diff], order);
    return () => {
      if (json === true) printJson({ model, before, after, tables });
      else {
        say(`${model}: from position ${String(before)} to ${String(after)}.`);
        printDifferences(tables);
      }
    };
  });
}

function printRows({ model, table, position, total, rows }: AsOf): void {
  say(
    `${table} of ${model} as of position ${String(position)}: ${total === 1 ? '1 row' : `${total.toLocaleString('en')} rows`}.`,
  );
  const columns = Object.keys(rows[0] ?? {});
  if (columns.length > 0)
    printTable(
      columns,
      rows.map((row) => columns.map((name) => cell(row[name]))),
    );
  if (total > rows.length) say(`These are the first ${String(rows.length)}; --limit shows more.`);
}

function cell(value: AsOf['rows'][number][string] | undefined): string | number | boolean | null {
  return typeof value === 'object' ? (value === null ? null : JSON.stringify(value)) : (value ?? null);
}
