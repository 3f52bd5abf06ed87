import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { diceOf, planOf, promptFor } from '../../src/ops/demo-plan.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aDataFolder, chorus, throwAway } from '../support/a-program.js';

describe.each(['word', 'numeric', 'color', 'press'])('a plan for a prompt of style %s', (style) => {
  const plans = Array.from({ length: 200 }, (_, seed) => planOf(promptFor(style), 60, diceOf(seed)));

  test('joins first, leaves last, and never does two things at once', () => {
    for (const plan of plans) {
      expect([plan[0]?.event, plan.at(-1)?.event]).toEqual(['join', 'leave']);
      const times = plan.map(({ promptTime }) => promptTime);
      expect(times.filter((time, index) => time <= (times[index - 1] ?? -1) || time > 60)).toEqual([]);
    }
  });

  test('is the same for the same seed', () => {
    expect(planOf(promptFor(style), 60, diceOf(7))).toEqual(plans[7]);
  });
});

describe('chorus demo', () => {
  const folder = aDataFolder();
  let database: TestDatabase;
  beforeAll(async () => {
    database = await aDatabase();
  });
  afterAll(async () => {
    await throwAway(folder);
    await database.close();
  });

  test('starts the program, fills a prompt without a refusal, and ends when it should', async () => {
    const order = ['demo', '--people', '6', '--seconds', '2', '--json'];
    const { code, stdout, stderr } = await chorus(folder, order, { DATABASE_URL: database.url });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const phases = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(phases).toMatchObject([
      { phase: 'ready', link: expect.stringMatching(/\/demo\?prompt=oseh_ip_/), started_the_program: true },
      { phase: 'filled', sessions: 6, refused: 0 },
      { phase: 'ended', refused: 0 },
    ]);
  });
});
