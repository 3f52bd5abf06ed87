import { describe, expect, test } from '@jest/globals';
import { aDatabase } from '../support/a-database.js';

describe('a test database', () => {
  test('is there, migrated and alone', async () => {
    let t = performance.now();
    const one = await aDatabase();
    console.log('first', performance.now() - t); t = performance.now();
    const two = await aDatabase();
    console.log('second', performance.now() - t); t = performance.now();
    await one.database.pool.query('create table only_here()');
    await expect(two.database.pool.query('select * from only_here')).rejects.toThrow('does not exist');
    await one.close();
    await two.close();
    console.log('close', performance.now() - t);
  });
});
