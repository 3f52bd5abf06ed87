import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { migrations } from '../../migrations/registry.js';
import { Database, withoutPassword } from '../../src/platform/database/database.js';
import { aDatabase, anEmptyDatabase, type TestDatabase } from '../support/a-database.js';

describe('a database', () => {
  let there: TestDatabase;

  beforeAll(async () => {
    there = await aDatabase();
  });
  afterAll(() => there.close());

  test('is one pool for TypeORM and for plain statements', async () => {
    const { pool, dataSource } = there.database;
    const before = pool.totalCount;
    await Promise.all([dataSource.query('select pg_sleep(0.05)'), pool.query('select pg_sleep(0.05)')]);
    expect(pool.totalCount).toBeGreaterThanOrEqual(before);
    expect(pool.totalCount).toBeLessThanOrEqual(pool.options.max);
  });

  test("of a test is nobody else's", async () => {
    const other = await aDatabase();
    await there.database.pool.query('create table only_here()');
    await expect(other.database.pool.query('select * from only_here')).rejects.toThrow('does not exist');
    await other.close();
  });

  test('whose connection is lost while somebody holds it fails what is asked of it, and nothing else', async () => {
    const { pool } = there.database;
    const held = await pool.connect();
    const { rows } = await held.query<{ pid: number }>('select pg_backend_pid() as pid');
    const [mine] = rows;
    const ended = new Promise<void>((resolve) => held.once('end', resolve));
    await pool.query('select pg_terminate_backend($1)', [mine?.pid]);
    await ended;
    await expect(held.query('select 1')).rejects.toThrow(/connection/i);
    held.release();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('is migrated once however many programs start at the same moment', async () => {
    const empty = await anEmptyDatabase();
    const programs = await Promise.all(
      Array.from({ length: 4 }, () => Database.open({ url: empty.url, connectionsMax: 4 })),
    );
    expect(await empty.database.pendingMigrations()).toEqual(migrations.map(({ name }) => name));
    const applied = await Promise.all(programs.map((program) => program.migrate()));
    expect(applied.flat().sort()).toEqual(migrations.map(({ name }) => name).sort());
    expect(await empty.database.pendingMigrations()).toEqual([]);
    await Promise.all(programs.map((program) => program.close()));
    await empty.close();
  });

  test('can be migrated back to nothing and forth again', async () => {
    const empty = await anEmptyDatabase();
    await empty.database.migrate();
    for (let left = migrations.length; left > 0; left -= 1) await empty.database.dataSource.undoLastMigration();
    const { rows } = await empty.database.pool.query(
      `select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$|public$)'`,
    );
    expect(rows).toEqual([]);
    expect(await empty.database.migrate()).toHaveLength(migrations.length);
    await empty.close();
  });

  test('that a newer program has migrated is refused in a sentence, and left as it is', async () => {
    const newer = await aDatabase();
    await newer.database.pool.query(
      `insert into migrations (timestamp, name) values (1900000000000, 'Tomorrow1900000000000')`,
    );
    await expect(newer.database.migrate()).rejects.toMatchObject({
      name: 'DatabaseUnusable',
      message: expect.stringMatching(/migrated by a newer program \(Tomorrow1900000000000\)/),
    });
    await newer.close();
  });

  test('that cannot be reached is refused in a sentence without its password', async () => {
    const opening = Database.open({ url: 'postgres://me:hunter2@127.0.0.1:1/x?password=hunter2', connectionsMax: 4 });
    const refusal: unknown = await opening.catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      name: 'DatabaseUnusable',
      message: expect.stringContaining('127.0.0.1:1/x cannot be used'),
    });
    expect(String(refusal)).not.toContain('hunter2');
    expect(withoutPassword('postgres://me:hunter2@db/x')).toBe('postgres://me@db/x');
  });
});
