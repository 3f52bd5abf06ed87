import { text } from 'node:stream/consumers';
import { eventFamilies } from '../app/events.js';
import { Duck } from '../platform/analysing/duck.js';
import { prepareTables, tablesSentence } from '../platform/analysing/sql-session.js';
import { answersTo, SqlMistake } from '../platform/analysing/sql-question.js';
import type { Config } from '../platform/config/config.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { say } from './output.js';
import { ProgressLine } from './progress-line.js';
import { printCsv, printObjects, printRows } from './sql-output.js';
import { withTemporaryFolder } from './temporary-folder.js';

export interface SqlOrder extends Printing {
  readonly export?: string;
  readonly csv?: boolean;
  readonly memoryMb: number;
}

export async function ask(config: () => Config, question: string, order: SqlOrder): Promise<void> {
  const sql = question === '-' ? await text(process.stdin) : question;
  await withTemporaryFolder(async (folder) => {
    using duck = await Duck.open({ folder, memoryMb: order.memoryMb });
    const line = new ProgressLine();
    await prepareTables(sql, {
      duck,
      folder,
      families: eventFamilies,
      exported: order.export,
      withLog: (work) => withLog(config(), ({ store, database }) => work({ store, pool: database.pool })),
      onProgress: (events) => {
        line.show(() => `${events.toLocaleString('en')} events read`);
      },
      onIncomplete: (position) => {
        say(`The export is not complete: only what it has up to position ${String(position)} is asked.`);
      },
    });
    line.end();
    try {
      const answer = await answersTo(duck, sql);
      if (order.json === true) await printObjects(answer);
      else if (order.csv === true) await printCsv(answer);
      else await printRows(answer);
    } catch (error) {
      if (!(error instanceof SqlMistake) || !error.message.startsWith('Catalog Error: Table')) throw error;
      throw new SqlMistake(`${error.message}\n\n${tablesSentence(eventFamilies)}`, { cause: error });
    }
  });
}
