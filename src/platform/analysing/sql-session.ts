import { join, resolve } from 'node:path';
import type { EventFamily } from '../../kernel/event-family.js';
import { CannotStart } from '../config/cannot-start.js';
import type { EventStore } from '../event-store/event-store.js';
import { eventColumns, listOf, named, type Duck } from './duck.js';
import { recordOf } from './event-record.js';
import { eventViews } from './event-views.js';
import { exportedEvents } from './exported-events.js';
import { readManifest } from './export-manifest.js';
import { PageSize } from './page-size.js';
import { readAhead } from './read-ahead.js';
import { copyReadModels, readModelTables, type ReadModelPool } from './read-model-copy.js';
import { segmentBytesMax, segmentEventsMax } from './segment.js';
import { selectedPages } from './selected-pages.js';
import { filterOf, stretchOf } from './selection.js';
import { SqlMistake, tablesIn, type TableName } from './sql-question.js';
import { StagedRecords } from './staged-records.js';

/** The log itself, for what no export holds. It is opened when a question needs it, and closed afterwards. */
export interface LogForSql {
  readonly store: EventStore;
  readonly pool: ReadModelPool;
}

export interface SqlSessionOptions {
  readonly duck: Duck;
  readonly folder: string;
  readonly families: readonly EventFamily[];
  /** Where an export is; absent: events come from the log. */
  readonly exported?: string | undefined;
  readonly withLog: (work: (log: LogForSql) => Promise<void>) => Promise<void>;
  readonly onProgress?: (events: number) => void;
  /** The export was interrupted, or is being written just now: it is asked as far as it goes. */
  readonly onIncomplete?: (position: number) => void;
}

/**
 * Tables for one question: `events` and a view per event type, from an export or from the log, and copies of the read models
 * that it names. Afterwards the database is shut in: no file but the export's can be read, and nothing can be written.
 */
export async function prepareTables(sql: string, options: SqlSessionOptions): Promise<void> {
  const { duck, families, exported } = options;
  const wanted = await tablesIn(duck, sql);
  const views = eventViews(families);
  const types = typesIn(wanted, [...views.keys()]);
  const models = wanted.filter(({ schema }) => schema === 'read').map(({ table }) => table);
  const fromLog = types !== 'none' && exported === undefined;
  if (exported !== undefined) await duck.connection.run(`create view events as ${ofExport(exported, options)}`);
  else await duck.connection.run(`create table events (${columnDefinitions})`);
  if (fromLog || models.length > 0) {
    await options.withLog(async (log) => {
      if (fromLog) await load(log, options, types === 'all' ? undefined : types);
      if (models.length > 0) await copyReadModels(log.pool, duck, options.folder, await known(log.pool, models));
    });
  }
  for (const view of views.values()) await duck.connection.run(view);
  await duck.connection.run(`create schema log; create view log.events as select * from main.events`);
  await shutIn(options);
}

/** With events of one type asked for through its view, no others need be fetched. */
function typesIn(wanted: readonly TableName[], known: readonly string[]): 'all' | 'none' | readonly string[] {
  const names = new Set(wanted.filter(({ schema }) => schema !== 'read').map(({ table }) => table.toLowerCase()));
  if (names.has('events')) return 'all';
  const types = known.filter((type) => names.has(type.toLowerCase()));
  return types.length === 0 ? 'none' : types;
}

async function known(pool: ReadModelPool, models: readonly string[]): Promise<readonly string[]> {
  const all = await readModelTables(pool);
  const missing = models.filter((table) => !all.has(table));
  if (missing.length === 0) return [...new Set(models)];
  throw new SqlMistake(
    `There is no read model ${missing.join(', ')}. There are: ${[...all].toSorted().join(', ') || 'none'}.`,
  );
}

function ofExport(folder: string, { onIncomplete }: SqlSessionOptions): string {
  const manifest = readManifest(folder);
  if (manifest === undefined) {
    throw new CannotStart(
      `There is no export in ${folder}. Make one: npm run -s chorus -- events export --to ${folder}`,
    );
  }
  if (!manifest.complete) onIncomplete?.(manifest.position);
  return exportedEvents(resolve(folder), manifest);
}

const pageBytes = 2_097_152;
const columnDefinitions = Object.entries(eventColumns)
  .map(([column, type]) => `${column} ${type}`)
  .join(', ');

async function load(
  { store }: LogForSql,
  options: SqlSessionOptions,
  types: readonly string[] | undefined,
): Promise<void> {
  const { duck, folder, onProgress = () => undefined } = options;
  const size = new PageSize(pageBytes, 1_000);
  const stretch = { ...(await stretchOf(store, {})), ...filterOf({ types }) };
  const pages = readAhead(selectedPages(store, stretch, size));
  let loaded = 0;
  for (let nth = 0, isLast = false; !isLast; nth += 1) {
    using staged = new StagedRecords(join(folder, `staged-${String(nth)}.ndjson`));
    isLast = true;
    for (let bytes = 0; ;) {
      const page = await pages.next();
      if (page.done === true) break;
      const added = staged.add(page.value.events.map(recordOf));
      size.took(page.value.events.length, added);
      bytes += added;
      onProgress(loaded + staged.events);
      if (staged.events < segmentEventsMax && bytes < segmentBytesMax) continue;
      isLast = false;
      break;
    }
    loaded += staged.events;
    if (staged.events > 0) await duck.connection.run(`insert into events select * from ${staged.asTable()}`);
  }
}

async function shutIn({ duck, exported }: SqlSessionOptions): Promise<void> {
  if (exported !== undefined) await duck.connection.run(`set allowed_directories = ${listOf([resolve(exported)])}`);
  await duck.connection.run('set enable_external_access = false');
  await duck.connection.run('set lock_configuration = true');
}

/** Names of what can be asked, for whoever named something else. */
export function tablesSentence(families: readonly EventFamily[]): string {
  const types = families.flatMap((family) => Object.keys(family)).map(named);
  return `There are: events, one table per event type (such as ${types.slice(0, 3).join(', ')}), and read models as read.<name>.`;
}
