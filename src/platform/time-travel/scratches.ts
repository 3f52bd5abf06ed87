import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';
import { createTable, definitionOf, quoted } from '../projecting/ddl.js';
import type { Projection } from '../projecting/projection.js';
import { Scratch } from './scratch.js';

/**
 * Builds for one question: made, folded, asked and dropped. No view shows them and no worker knows them.
 *
 *   made       schema and row in one transaction, under a session lock that was taken before
 *   abandoned  whoever made it died, and with its connection its lock
 *   dropped    by whoever made it, or else by whoever comes next and gets its lock
 *
 * The lock, and not an age, says whether somebody still works with one: a long fold is never mistaken for a dead one, and what
 * a killed process left is gone at the next use, not hours later.
 */
export class Scratches implements AsyncDisposable {
  private readonly made: Scratch[] = [];

  private constructor(
    private readonly pool: pg.Pool,
    /** Its session holds the locks. */
    private readonly keeper: pg.PoolClient,
  ) {}

  /** Connections of their own: their limits are not the program's, and a fold takes none from requests. */
  static async open({ url }: { readonly url: string }): Promise<Scratches> {
    const pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: connectMsMax,
      statement_timeout: statementMsMax,
      application_name: 'chorus scratch',
      // Times in answers are texts, and should not depend on where the server stands.
      options: '-c TimeZone=UTC',
    });
    // Whoever next needs the connection gets the error.
    pool.on('error', () => undefined);
    try {
      const keeper = await pool.connect();
      keeper.on('error', () => undefined);
      const scratches = new Scratches(pool, keeper);
      await scratches.dropAbandoned();
      return scratches;
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  /** An empty one, at position 0. */
  async make(projection: Projection): Promise<Scratch> {
    const schema = `scratch_${randomBytes(6).toString('hex')}`;
    await this.keeper.query('select pg_advisory_lock($1, hashtext($2))', [lockSpace, schema]);
    const { name, version, tables } = projection;
    const build = await this.atOnce(async () => {
      await this.keeper.query(`create schema ${quoted(schema)}`);
      for (const table of Object.values(tables)) {
        await this.keeper.query(createTable(schema, table));
        // What is thrown away need not survive a crash.
        await this.keeper.query(`alter table ${quoted(schema)}.${quoted(table.name)} set unlogged`);
      }
      const { rows } = await this.keeper.query(
        `insert into projecting.builds (projection, version, schema, definition, state)
         values ($1, $2, $3, $4, 'scratch') returning build`,
        [name, version, schema, definitionOf(tables)],
      );
      return z.tuple([z.object({ build: z.string() })]).parse(rows)[0].build;
    });
    const scratch = new Scratch(this.pool, projection, { build, schema });
    this.made.push(scratch);
    return scratch;
  }

  /** Another one that begins where this one is. */
  async copy(original: Scratch): Promise<Scratch> {
    const copy = await this.make(original.projection);
    await copy.takeOver(original);
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const { schema } of this.made) await this.drop(schema);
    } finally {
      // The locks end with the connection.
      this.keeper.release(true);
      await this.pool.end();
    }
  }

  private async dropAbandoned(): Promise<void> {
    const { rows } = await this.keeper.query(`select schema from projecting.builds where state = 'scratch'`);
    for (const { schema } of z.array(z.object({ schema: z.string() })).parse(rows)) {
      const lock = await this.keeper.query<{ got: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as got', [
        lockSpace,
        schema,
      ]);
      if (lock.rows[0]?.got !== true) continue;
      await this.drop(schema);
      await this.keeper.query('select pg_advisory_unlock($1, hashtext($2))', [lockSpace, schema]);
    }
  }

  private async drop(schema: string): Promise<void> {
    await this.atOnce(async () => {
      await this.keeper.query(`drop schema if exists ${quoted(schema)} cascade`);
      await this.keeper.query(`delete from projecting.builds where schema = $1 and state = 'scratch'`, [schema]);
    });
  }

  private async atOnce<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.keeper.query('begin');
    try {
      const result = await work();
      await this.keeper.query('commit');
      return result;
    } catch (error) {
      await this.keeper.query('rollback').catch(() => undefined);
      throw error;
    }
  }
}

/** Any number that no other lock of two keys uses. */
const lockSpace = 7_253_004;
const connectionsMax = 3;
const connectMsMax = 5_000;
/** A batch takes a fraction of a second; comparing two large tables takes the longest. */
const statementMsMax = 120_000;
