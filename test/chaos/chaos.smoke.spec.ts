import { describe, expect, test } from '@jest/globals';
import { asAUser } from './as-a-user.js';
import { variants } from './interleave/variants.js';

/** Seconds of what the real runs do for minutes, so that they still work on the day somebody needs them. */
describe('a chaos run', () => {
  test('interleaves appends and readers, and catches every weakened variant', async () => {
    const found = await asAUser('chaos', 'interleave', '--model', '1000', '--real', '2', '--shipped', '2');
    expect(found).toMatchObject({
      violations: 0,
      model_disagreements: 0,
      variants_caught: variants.map(({ name }) => name),
    });
  }, 60_000);

  test('kills processes and the database, and finds everything that was acknowledged', async () => {
    const found = await asAUser('chaos', 'kill', '--seconds', '3', '--each', '1');
    const nothing = {
      acknowledged_lost: 0,
      duplicated: 0,
      position_gaps: 0,
      projection_mismatches: 0,
      unanswered: 0,
      crashes: 0,
    };
    expect(found).toMatchObject({ ...nothing, kills: { all: expect.any(Number) } });
    expect(found['acknowledged']).toBeGreaterThan(10);
  }, 90_000);

  test('freezes an owner of leases, who writes nothing twice when thawed', async () => {
    const found = await asAUser('chaos', 'freeze', '--rounds', '1', '--frozen', '4');
    expect(found).toMatchObject({ written_twice_or_lost: 0, acknowledged_lost: 0, duplicated: 0, crashes: 0 });
    expect(found['leases_taken_over']).toBeGreaterThan(0);
  }, 60_000);

  test('kills api processes and Redis under watchers, who miss nothing and see nothing twice', async () => {
    const found = await asAUser('chaos', 'live', '--seconds', '2', '--each', '2', '--watchers', '4');
    expect(found).toMatchObject({
      missed: 0,
      doubled: 0,
      dropped: 0,
      unanswered: 0,
      crashes: 0,
      kills: { all: expect.any(Number) },
    });
    expect(found['events']).toBeGreaterThan(10);
  }, 90_000);

  test('kills the worker in the middle of a rebuild and of a switch, and no reader notices', async () => {
    const found = await asAUser('chaos', 'rebuild', '--seconds', '1', '--steps', '2', '--visitors', '2');
    const nothing = { steps_missed: 0, mismatches: 0, query_errors: 0, went_back: 0, acknowledged_lost: 0, crashes: 0 };
    expect(found).toMatchObject({ ...nothing, steps_killed: { planned: 1, switching: 1 }, rollbacks: 1 });
    expect(found['queries']).toBeGreaterThan(10);
  }, 90_000);
});
