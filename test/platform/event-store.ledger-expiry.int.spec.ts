import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LedgerExpiry } from '../../src/platform/event-store/ledger-expiry.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';

describe('the expiry of the command ledger', () => {
  let test_: TestDatabase;
  beforeAll(async () => {
    test_ = await aDatabase();
  });
  afterAll(() => test_.close());

  test('forgets what is older than the policy, however much it is, and nothing else', async () => {
    const { pool } = test_.database;
    await pool.query(`
      insert into log.commands (id, fingerprint, last_position, recorded_at)
      select 'old-' || n, 'f', n, now() - interval '31 days' from generate_series(1, 10001) n
      union all select 'young', 'f', 1, now() - interval '29 days'`);
    const expiry = new LedgerExpiry(test_.database, { days: 30, onError: () => undefined });
    expect(await expiry.expire()).toBe(10_001);
    expect((await pool.query('select id from log.commands')).rows).toEqual([{ id: 'young' }]);
  });
});
