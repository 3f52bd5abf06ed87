import { z } from 'zod';
import type { Json } from '../../kernel/event-family.js';
import { CannotStart } from '../config/cannot-start.js';
import type { Duck } from './duck.js';

/** What somebody wrote in SQL cannot be answered. The message is the analytical database's own: it points at the place. */
export class SqlMistake extends CannotStart {
  override readonly name = 'SqlMistake';
}

export interface TableName {
  readonly schema: string | undefined;
  readonly table: string;
}

const Serialized = z.union([
  z.object({
    error: z.literal(true),
    error_message: z.string(),
    position: z.coerce.number().optional(),
  }),
  z.object({ error: z.literal(false), statements: z.array(z.json()) }),
]);

/**
 * The tables that a question names, so that no others need be fetched. That it is one question, and nothing that writes,
 * is found on the way: only a `select` can be taken apart like this.
 */
export async function tablesIn({ connection }: Duck, sql: string): Promise<readonly TableName[]> {
  const found = await connection.runAndReadAll('select json_serialize_sql($sql::varchar, skip_default := true)', {
    sql,
  });
  const [[text]] = z.tuple([z.tuple([z.string()])]).parse(found.getRowsJson());
  const serialized = Serialized.parse(JSON.parse(text));
  if (serialized.error) throw new SqlMistake(mistake(sql, serialized.error_message, serialized.position));
  if (serialized.statements.length === 0) throw new SqlMistake('There is no question.');
  if (serialized.statements.length > 1) {
    throw new SqlMistake(`Ask one question at a time; these are ${String(serialized.statements.length)}.`);
  }
  return [...tableNames(serialized.statements)];
}

function mistake(sql: string, message: string, position: number | undefined): string {
  if (message.startsWith('Only SELECT')) {
    return 'Only questions can be asked, with select, from, with, describe or summarize: nothing is written.';
  }
  if (position === undefined) return message;
  const before = sql.slice(0, position).split('\n');
  const line = sql.split('\n')[before.length - 1] ?? '';
  return `${message}\n\n${line}\n${' '.repeat(before.at(-1)?.length ?? 0)}^`;
}

const Table = z.looseObject({
  type: z.literal('BASE_TABLE'),
  schema_name: z.string().optional(),
  table_name: z.string(),
});

function* tableNames(node: z.output<ReturnType<typeof z.json>>): Generator<TableName> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) {
    const table = Table.safeParse(node);
    if (table.success) yield { schema: table.data.schema_name, table: table.data.table_name };
  }
  for (const part of Object.values(node)) yield* tableNames(part);
}

export interface Answer {
  readonly columns: readonly string[];
  /** Rows as they are found: an answer of any size takes the memory of one page. */
  readonly pages: AsyncIterable<readonly (readonly Json[])[]>;
}

/** Columns whose numbers come as texts, because they may be larger than a number is exact. */
const wholeTypes: ReadonlySet<string> = new Set(['BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT']);

/** As the analytical database writes an instant. Elsewhere it is the ISO format that every program reads. */
const inUtc = /^(\S+) (\S+)\+00$/;

export async function answersTo({ connection }: Duck, sql: string): Promise<Answer> {
  const result = await connection.stream(sql).catch(rethrow);
  const types = result.columnTypes().map((type) => (type.alias === 'JSON' ? 'JSON' : type.toString()));
  return { columns: result.deduplicatedColumnNames(), pages: pagesOf(result.yieldRowsJson(), types) };
}

async function* pagesOf(
  pages: AsyncIterable<readonly (readonly unknown[])[]>,
  types: readonly string[],
): AsyncGenerator<readonly (readonly Json[])[]> {
  try {
    for await (const page of pages) yield page.map((row) => row.map((value, at) => valueOf(value, types[at] ?? '')));
  } catch (error) {
    rethrow(error);
  }
}

function valueOf(value: unknown, type: string): Json {
  if (typeof value === 'string' && wholeTypes.has(type)) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === 'string' && type === 'TIMESTAMP WITH TIME ZONE') return value.replace(inUtc, '$1T$2Z');
  if (typeof value === 'string' && type === 'JSON') return z.json().parse(JSON.parse(value));
  return z.json().parse(value);
}

/** What the analytical database throws is about the question, and says where in it. */
function rethrow(error: unknown): never {
  const { message } = Thrown.parse(error);
  throw new SqlMistake(message.trim(), { cause: error });
}

/** Native code makes its own errors: they are told by their shape. */
const Thrown = z.object({ message: z.string() });
