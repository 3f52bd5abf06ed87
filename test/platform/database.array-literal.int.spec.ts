import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonArray, plainArray, textArray } from '../../src/platform/database/array-literal.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';

/** What PostgreSQL makes of a column of values, however it travels. */
let database: TestDatabase;
beforeAll(async () => (database = await aDatabase()));
afterAll(() => database.close());

async function readBack(type: string, literal: string): Promise<unknown> {
  const { rows } = await database.database.pool.query<{ values: unknown }>(`select $1::${type}[] as values`, [literal]);
  return rows[0]?.values;
}

/** PostgreSQL stores neither a NUL nor half a character in a text. */
const aText = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({
      unit: fc.constantFrom('"', '\\', '{', '}', ',', '\n', '\t', '\u0001', '\u007f', '\u2028', 'ä', '𝄞', ' ', 'a'),
    }),
    fc.constantFrom('null', 'NULL', '', '\\N', 'a\\"b'),
  )
  .filter((text) => !text.includes('\0') && text.isWellFormed());

describe('an array as text', () => {
  it('holds the texts it was made of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(aText)), async (texts) => {
        expect(await readBack('text', textArray(texts))).toEqual(texts);
      }),
      { numRuns: 200 },
    );
  });

  it('holds JSON as it stands, character for character', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.json())), async (jsons) => {
        expect(await readBack('text', jsonArray(jsons))).toEqual(jsons);
      }),
      { numRuns: 200 },
    );
  });

  it('holds what needs no quotes', async () => {
    expect(await readBack('float8', plainArray([1.5, -0.25, null, NaN, 1e-7]))).toEqual([1.5, -0.25, null, NaN, 1e-7]);
    expect(await readBack('boolean', plainArray([true, null, false]))).toEqual([true, null, false]);
    expect(await readBack('integer', plainArray([]))).toEqual([]);
  });
});
