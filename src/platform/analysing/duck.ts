import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';

export interface DuckOptions {
  /** Everything it writes goes here: the database itself, and what does not fit into memory. */
  readonly folder: string;
  readonly memoryMb: number;
}

/**
 * An analytical database in this process and in a folder that is thrown away. Its engine is 70 MB of native code: it is loaded
 * here, when a command needs it, and never by the server.
 */
export class Duck implements Disposable {
  private constructor(
    readonly connection: DuckDBConnection,
    private readonly close: () => void,
  ) {}

  static async open({ folder, memoryMb }: DuckOptions): Promise<Duck> {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(join(folder, 'scratch.duckdb'), {
      memory_limit: `${String(memoryMb)}MB`,
      threads: String(Math.min(availableParallelism(), threadsMax)),
      temp_directory: join(folder, 'spilled'),
      // What is not built in would be fetched from the network.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run(`set timezone = 'UTC'`);
    return new Duck(connection, () => {
      connection.closeSync();
      instance.closeSync();
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Every thread has its own buffers; more of them than this are faster only with more memory, too. */
const threadsMax = 4;

/** A text as it stands in a statement. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function listOf(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`;
}

export function named(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** What an event is in a table, in the order of the columns. `data` and `metadata` are JSON as text. */
export const eventColumns = {
  position: 'BIGINT',
  stream: 'VARCHAR',
  category: 'VARCHAR',
  version: 'INTEGER',
  id: 'UUID',
  type: 'VARCHAR',
  schema_version: 'SMALLINT',
  recorded_at: 'TIMESTAMPTZ',
  data: 'VARCHAR',
  metadata: 'VARCHAR',
} as const;

export const columnTypes = `{${Object.entries(eventColumns)
  .map(([column, type]) => `${column}: '${type}'`)
  .join(', ')}}`;
