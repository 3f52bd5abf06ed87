import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Builds } from '../../src/platform/projecting/builds.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { readModel, ReadModels } from '../../src/platform/projecting/read-models.js';
import { ReadModelMissing } from '../../src/platform/projecting/read-rows.js';
import { table } from '../../src/platform/projecting/table.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import type { presses } from './projecting.worker.js';

const visits = table({
  name: 'visits',
  columns: {
    person: 'text',
    day: 'integer',
    total: 'bigint',
    share: 'double',
    open: 'boolean',
    seen_at: 'timestamptz?',
    extra: 'jsonb',
  },
  key: ['person', 'day'],
});

let testing: TestDatabase;
let readModels: ReadModels;

beforeAll(async () => {
  testing = await aDatabase();
  readModels = new ReadModels(testing.database);
  const visited = projection<typeof presses>()({ name: 'visits', version: 1, tables: { visits }, when: {} });
  await new Builds(testing.database).open(visited);
  await testing.database.pool.query(`
    insert into visits_v1.visits (person, day, total, share, open, seen_at, extra)
    values ('ada', 2, 9007199254740991, 0.5, true, '2026-01-02T03:04:05.678Z', '["x"]'), ('ben', 1, default, default, default, default, default)`);
});
afterAll(() => testing.close());

const ada = {
  person: 'ada',
  day: 2,
  total: 9_007_199_254_740_991,
  share: 0.5,
  open: true,
  seen_at: new Date('2026-01-02T03:04:05.678Z'),
  extra: ['x'],
};

describe('a question to a read model', () => {
  test('is answered with rows as their table declares them', async () => {
    expect(await readModels.query(visits.columns, 'select * from read.visits order by day desc')).toEqual([
      ada,
      { person: 'ben', day: 1, total: 0, share: 0, open: false, seen_at: null, extra: null },
    ]);
  });

  test('may select what it likes, and says what that is', async () => {
    const rows = await readModels.query(
      { days: 'integer', total: 'bigint?' },
      'select count(*)::integer as days, max(total) as total from read.visits where person = $1',
      ['nobody'],
    );
    expect(rows).toEqual([{ days: 0, total: null }]);
  });

  test('is refused when the answer is something else than it says', async () => {
    const sql = 'select person, seen_at from read.visits order by day';
    await expect(readModels.query({ person: 'integer', seen_at: 'timestamptz' }, sql)).rejects.toThrow(
      'A row is not as declared: person is no integer, seen_at is no timestamptz.',
    );
  });

  test('is prepared once per connection', async () => {
    const sql = 'select day from read.visits where person = $1';
    const client = await testing.database.pool.connect();
    try {
      const pool = Object.assign(Object.create(testing.database.pool), { query: client.query.bind(client) });
      const asking = new ReadModels({ pool });
      for (const person of ['ada', 'ben', 'ada']) await asking.query({ day: 'integer' }, sql, [person]);
      const { rows } = await client.query('select name from pg_prepared_statements where statement = $1', [sql]);
      expect(rows).toEqual([{ name: expect.stringMatching(/^read-/) }]);
    } finally {
      client.release();
    }
  });

  test('about a read model that nobody has built yet says that', async () => {
    await expect(readModels.query({ day: 'integer' }, 'select day from read.unheard_of')).rejects.toThrow(
      ReadModelMissing,
    );
  });

  test('can be put to TypeORM', async () => {
    const dataSource = new DataSource({
      type: 'postgres',
      url: testing.url,
      entities: [readModel(visits)],
      poolSize: 1,
    });
    await dataSource.initialize();
    try {
      const found = await dataSource
        .getRepository(readModel(visits))
        .createQueryBuilder('v')
        .where('v.person = :person', { person: 'ada' })
        .getMany();
      expect(found).toEqual([ada]);
    } finally {
      await dataSource.destroy();
    }
  });
});
