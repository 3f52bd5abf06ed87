import { describe, expect, test } from '@jest/globals';
import { describeFailure } from '../../src/platform/projecting/failure.js';

describe('what is stored of a failure', () => {
  const secret = {
    type: 'JournalWritten',
    text: 'I told Alice everything',
    mood: { words: ['ashamed', 'relieved'] },
    bin: 4711,
  };

  test.each([
    ['a message of ours', new Error('cannot use I told Alice everything')],
    ['values between words', new TypeError('bin 4711 is not for ashamed or relieved')],
    ['an excerpt', failureOf(() => JSON.parse('I told Alice everything'))],
    [
      'a value in PostgreSQL',
      Object.assign(new Error('invalid input syntax for type integer: "I told Alice everything"'), { code: '22P02' }),
    ],
  ])('repeats nothing that a person wrote: %s', (_, error) => {
    const { message } = describeFailure(error, secret);
    for (const word of ['Alice', 'told', 'ashamed', 'relieved', '4711']) expect(message).not.toContain(word);
  });

  test('keeps what helps to mend the code', () => {
    const misread = new TypeError("Cannot read properties of undefined (reading 'length')");
    expect(describeFailure(misread, secret)).toEqual({
      error: 'TypeError',
      message: "Cannot read properties of undefined (reading 'length')",
    });
    expect(describeFailure(Object.assign(new Error('integer out of range'), { code: '22003' }), secret)).toEqual({
      error: 'PostgreSQL 22003',
      message: 'integer out of range',
    });
  });
});

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
