import { z } from 'zod';
import type { Config } from '../platform/config/config.js';
import type { Database } from '../platform/database/database.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { printJson, printLine, printTable } from './output.js';

const TypeRow = z.object({
  type: z.string(),
  schema_version: z.number(),
  events: z.coerce.number(),
  data_bytes: z.coerce.number(),
  first_position: z.coerce.number(),
  last_position: z.coerce.number(),
  first_at: z.date().transform((at) => at.toISOString()),
  last_at: z.date().transform((at) => at.toISOString()),
});

const CategoryRow = z.object({
  category: z.string(),
  streams: z.coerce.number(),
  events: z.coerce.number(),
  longest_stream: z.coerce.number(),
});

const WholeRow = z.object({
  head: z.coerce.number(),
  events: z.coerce.number(),
  commands: z.coerce.number(),
  events_bytes: z.coerce.number(),
  commands_bytes: z.coerce.number(),
});

export async function eventStats(config: Config, { json }: Printing): Promise<void> {
  await withLog(config, async ({ database, codec }) => {
    const types = await rowsOf(database, TypeRow, byType);
    const categories = await rowsOf(database, CategoryRow, byCategory);
    const [whole] = z.tuple([WholeRow]).parse(await rowsOf(database, WholeRow, inAll));
    const known = new Set(codec.storedTypes(codec.types));
    const unknownTypes = [...new Set(types.map(({ type }) => type))].filter((type) => !known.has(type));
    if (json === true) printJson({ ...whole, types, categories, unknown_types: unknownTypes });
    else print({ whole, types, categories, unknownTypes });
  });
}

interface Stats {
  readonly whole: z.output<typeof WholeRow>;
  readonly types: readonly z.output<typeof TypeRow>[];
  readonly categories: readonly z.output<typeof CategoryRow>[];
  readonly unknownTypes: readonly string[];
}

function print({ whole, types, categories, unknownTypes }: Stats): void {
  const { head, events, commands } = whole;
  printLine(`${String(events)} events up to position ${String(head)} (${megabytes(whole.events_bytes)})`);
  printLine(`${String(commands)} commands remembered (${megabytes(whole.commands_bytes)})\n`);
  printTable(
    ['type', 'schema', 'events', 'data bytes', 'first', 'last', 'newest'],
    types.map((row) => [
      row.type,
      row.schema_version,
      row.events,
      row.data_bytes,
      row.first_position,
      row.last_position,
      row.last_at,
    ]),
  );
  printLine('');
  printTable(
    ['category', 'streams', 'events', 'longest stream'],
    categories.map((row) => [row.category, row.streams, row.events, row.longest_stream]),
  );
  if (unknownTypes.length > 0) printLine(`\nThis program does not know: ${unknownTypes.join(', ')}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

async function rowsOf<Row>(database: Database, row: z.ZodType<Row>, sql: string): Promise<Row[]> {
  return z.array(row).parse((await database.pool.query(sql)).rows);
}

const byType = `
  select type, schema_version, count(*) as events, sum(octet_length(data::text)) as data_bytes,
    min(position) as first_position, max(position) as last_position, min(recorded_at) as first_at, max(recorded_at) as last_at
  from log.events group by type, schema_version order by type, schema_version`;

const byCategory = `
  select category, count(*) as streams, sum(events) as events, max(events) as longest_stream
  from (select split_part(stream, '-', 1) as category, count(*) as events from log.events group by stream) as streams
  group by category order by category`;

const inAll = `
  select (select coalesce(max(position), 0) from log.events) as head,
    (select count(*) from log.events) as events,
    (select count(*) from log.commands) as commands,
    pg_total_relation_size('log.events') as events_bytes,
    pg_total_relation_size('log.commands') as commands_bytes`;
