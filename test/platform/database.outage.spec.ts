import { describe, expect, test } from '@jest/globals';
import { isOutage } from '../../src/platform/database/outage.js';

const failed = (message: string, more: object = {}) => Object.assign(new Error(message), more);

describe('a failed statement', () => {
  test.each([
    failed('connect ECONNREFUSED', { code: 'ECONNREFUSED' }),
    failed('read ECONNRESET', { code: 'ECONNRESET' }),
    failed('terminating connection due to administrator command', { code: '57P01' }),
    failed('the database system is starting up', { code: '57P03' }),
    failed('sorry, too many clients already', { code: '53300' }),
    failed('connection failure', { code: '08006' }),
    failed('Connection terminated unexpectedly'),
    failed('Connection terminated due to connection timeout'),
    failed('timeout exceeded when trying to connect'),
    failed('Client has encountered a connection error and is not queryable'),
    failed('wrapped', { driverError: failed('connect', { code: 'ECONNREFUSED' }) }),
    failed('wrapped twice', { cause: failed('once', { cause: failed('Connection terminated') }) }),
  ])('tells of an outage: $message', (error) => {
    expect(isOutage(error)).toBe(true);
  });

  test.each([
    failed('duplicate key', { code: '23505' }),
    failed('relation does not exist', { code: '42P01' }),
    failed('a bug that says Connection terminated'),
    failed('Connection terminated', { code: '22P02' }),
    failed('no such file', { code: 'ENOENT' }),
    'Connection terminated',
    undefined,
  ])('tells of a fault of ours: %s', (error) => {
    expect(isOutage(error)).toBe(false);
  });

  test('is looked into only so far', () => {
    const error = failed('itself');
    error.cause = error;
    expect(isOutage(error)).toBe(false);
  });
});
