import { z } from 'zod';
import { CannotStart } from '../config/cannot-start.js';
import type { BackupRow, TableStart } from './backup-format.js';
import { durableTables } from './durable-tables.js';

/** Inside the restore's transaction. */
export interface Connection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

const pageRows = 2_000;

/** Rows of one table, a page at a time. */
export class TableLoad {
  private page: BackupRow[] = [];
  private count = 0;

  private constructor(
    private readonly connection: Connection,
    readonly table: string,
    private readonly insert: string,
    private readonly width: number,
  ) {}

  static async of(connection: Connection, { table, columns }: TableStart): Promise<TableLoad> {
    if (!durableTables.some((known) => known === table)) {
      throw new CannotStart(`The backup has a table that this program does not know: ${table}.`);
    }
    // Types from a file are not put into SQL; those of the table here are.
    const { rows } = await connection.query(
      `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
      [table],
    );
    const types = new Map(Columns.parse(rows).map(({ name, type }) => [name, type]));
    const casts = columns.map(([name], at) => {
      const type = types.get(name);
      if (type === undefined) throw new CannotStart(`The table ${table} has no column ${name} here.`);
      return { name: `"${name}"`, value: `c${String(at)}::${type}`, given: `c${String(at)}` };
    });
    const insert = `insert into ${table} (${casts.map(({ name }) => name).join(', ')})
      select ${casts.map(({ value }) => value).join(', ')}
      from unnest(${casts.map((_, at) => `$${String(at + 1)}::text[]`).join(', ')})
        as given (${casts.map(({ given }) => given).join(', ')})`;
    return new TableLoad(connection, table, insert, columns.length);
  }

  /** How many rows went to the database; mostly none, and then a page. */
  async add(row: BackupRow): Promise<number> {
    this.page.push(row);
    return this.page.length < pageRows ? 0 : this.write();
  }

  async end(): Promise<number> {
    await this.write();
    return this.count;
  }

  private async write(): Promise<number> {
    const { page } = this;
    this.page = [];
    if (page.length === 0) return 0;
    const columns = Array.from({ length: this.width }, (_, at) => page.map((row) => row[at] ?? null));
    await this.connection.query(this.insert, columns);
    this.count += page.length;
    return page.length;
  }
}
const Columns = z.array(z.object({ name: z.string(), type: z.string() }));
