import { describe, expect, test } from '@jest/globals';
import { table } from '../../src/platform/projecting/table.js';
import { differencesOfDefinition, parseExpectedDifferences } from '../../src/platform/proving/expected-differences.js';

const key = ['id'] as const;
const before = {
  people: table({ name: 'people', columns: { id: 'text', age: 'integer', nick: 'text?' }, key }),
  gone: table({ name: 'gone', columns: { id: 'text' }, key }),
  rekeyed: table({ name: 'rekeyed', columns: { id: 'text', part: 'integer' }, key }),
};
const after = {
  people: table({ name: 'people', columns: { id: 'text', age: 'bigint?', mail: 'text' }, key }),
  made: table({ name: 'made', columns: { id: 'text' }, key }),
  rekeyed: table({ name: 'rekeyed', columns: { id: 'text', part: 'integer' }, key: ['id', 'part'] }),
};

describe('the name of an expected difference', () => {
  test('says a table, a column, or rows of one side', () => {
    const names = ['gone', 'people.nick', 'people.mail', 'people:+rows', 'people:-rows', 'gone'];
    expect(parseExpectedDifferences(names, before, after)).toEqual([
      { kind: 'table', table: 'gone', name: 'gone' },
      { kind: 'column', table: 'people', column: 'nick', name: 'people.nick' },
      { kind: 'column', table: 'people', column: 'mail', name: 'people.mail' },
      { kind: 'rows', table: 'people', only: 'after', name: 'people:+rows' },
      { kind: 'rows', table: 'people', only: 'before', name: 'people:-rows' },
    ]);
  });

  test.each([
    ['peeple', 'there is no table peeple; there are gone, made, people, rekeyed.'],
    ['people.nik', 'the table has no column nik; it has age, id, mail, nick.'],
    ['people.id', 'rows are found by it'],
    ['people:rows', 'is not the name of a difference'],
    ['', 'is not the name of a difference'],
    ['people.a.b', 'is not the name of a difference'],
  ])('is refused with a sentence when it is %s', (name, sentence) => {
    expect(() => parseExpectedDifferences([name], before, after)).toThrow(sentence);
  });
});

describe('a new definition', () => {
  test('names by itself what only one side has, or has in another way', () => {
    const names = differencesOfDefinition(before, after).map(({ name }) => name);
    expect(names).toEqual(['gone', 'made', 'people.mail', 'people.nick', 'rekeyed']);
    expect(differencesOfDefinition(before, before)).toEqual([]);
  });
});
