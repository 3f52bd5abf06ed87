import pg from 'pg';
import { AppendOutcomeUnknown, AppendRejected, StoreUnavailable } from './errors.js';

/**
 * The one connection that appends. It is not taken from the pool: a burst of reads must not make a flush wait for a
 * connection, and its session settings are its own.
 */
export class AppendConnection {
  private client: pg.Client | undefined;

  constructor(
    private readonly options: { readonly url: string; readonly flushMsMax: number; readonly connectMsMax: number },
  ) {}

  /** Rejects with StoreUnavailable when surely nothing was written, with AppendOutcomeUnknown when that cannot be told. */
  async query(name: string, text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    const client = this.client ?? (await this.connect());
    try {
      const result = await client.query<unknown[]>({ name, text, values: [...values], rowMode: 'array' });
      return result.rows[0] ?? [];
    } catch (error) {
      if (isStatementError(error)) throw refusalOf(error);
      this.drop(client);
      throw new AppendOutcomeUnknown('The connection to the database broke while the append was under way.', {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.end();
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.options.url,
      connectionTimeoutMillis: this.options.connectMsMax,
      query_timeout: this.options.flushMsMax,
      application_name: 'chorus append',
      keepAlive: true,
    });
    client.on('error', () => {
      this.drop(client);
    });
    try {
      await client.connect();
      // The append functions look things up by index only. A plan made while a table was still empty could prefer to scan it,
      // and would be kept.
      await client.query('set enable_seqscan = off');
    } catch (error) {
      this.drop(client);
      throw new StoreUnavailable('The database cannot be reached.', { cause: error });
    }
    this.client = client;
    return client;
  }

  private drop(client: pg.Client): void {
    if (this.client === client) this.client = undefined;
    // Ending a broken connection may fail, and there is nobody left to tell.
    client.end().catch(() => undefined);
  }
}

/**
 * True for an answer of the server about this statement: it was rolled back and the connection goes on. A server that is
 * going away (class 57P) also answers, but says nothing about what it did before.
 */
function isStatementError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code?.startsWith('57P') !== true;
}

/** Classes 22 and 23 are about the data. The rest (a full disk, a cancelled statement) may be different next time. */
function refusalOf(error: pg.DatabaseError): Error {
  return /^2[23]/.test(error.code ?? '')
    ? new AppendRejected(`The database cannot store the append: ${error.message}.`, { cause: error })
    : new StoreUnavailable(`The database refused the append: ${error.message}.`, { cause: error });
}
