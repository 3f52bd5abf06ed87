import { describe, expect, test } from '@jest/globals';
import { asAUser } from '../chaos/as-a-user.js';

/** Whether they run at all: what they measure in a second, beside other tests, means nothing. */
describe('a benchmark', () => {
  test('of durable commands over HTTP compares all its sides', async () => {
    const found = await asAUser(
      'bench',
      'http',
      '--rounds',
      '1',
      '--warm',
      '0',
      '--seconds',
      '0.3',
      '--connections',
      '4',
    );
    expect(found['ratio']).toBeGreaterThan(0);
    expect(found['peer_ratio']).toBeGreaterThan(0);
  }, 60_000);

  test('of live projection counts every event', async () => {
    const found = await asAUser('bench', 'project', '--rounds', '1', '--events', '2000', '--appends', '50');
    expect(found['ratio']).toBeGreaterThan(0);
    expect(found['visible_p50_ms']).toBeGreaterThan(0);
  }, 60_000);

  test('of stats reads the same crowd of either size', async () => {
    const found = await asAUser(
      'bench',
      'stats',
      '--events',
      '2000',
      '--rounds',
      '1',
      '--seconds',
      '0.3',
      '--connections',
      '4',
    );
    expect(found['ratio']).toBeGreaterThan(0);
    expect(found['growth']).toBeGreaterThan(0);
  }, 60_000);

  test('of the live watch tells every watcher of every like', async () => {
    const found = await asAUser(
      'bench',
      'live',
      '--watchers',
      '20',
      '--rounds',
      '1',
      '--seconds',
      '0.5',
      '--processes',
      '2',
    );
    expect(found).toMatchObject({ watchers: 20, likes: 100, deliveries: 2_000, lost: 0, out_of_order: 0 });
    expect(found['ratio']).toBeGreaterThan(0);
    expect(found['delivery_p50_ms']).toBeGreaterThan(0);
  }, 60_000);

  test('of analysing finds the same in an export as PostgreSQL in the log', async () => {
    const found = await asAUser('bench', 'analyse', '--events', '3000', '--rounds', '1');
    expect(found).toMatchObject({ results_equal: true });
    expect(found['groups']).toBeGreaterThan(100);
    expect(found['export_peak_rss_mb']).toBeGreaterThan(0);
  }, 60_000);

  test('of rebuilding compares all its sides, which have counted the same', async () => {
    const found = await asAUser('bench', 'rebuild', '--rounds', '1', '--events', '3000', '--peer', '200');
    expect(found).toMatchObject({ events: 3_000, peer_events: 200 });
    expect(found['ratio']).toBeGreaterThan(0);
    expect(found['peer_ratio']).toBeGreaterThan(0);
    expect(found['memory_ratio']).toBeGreaterThan(0);
  }, 90_000);

  test('of what people notice of a rebuild switches, rolls back, and answers everybody', async () => {
    const found = await asAUser('bench', 'rebuild', '--live', '--rounds', '1', '--events', '5000', '--seconds', '1');
    expect(found).toMatchObject({ events: 1_000, switches: 2, append_errors: 0, query_errors: 0 });
    expect(found['append_p99_ratio']).toBeGreaterThan(0);
    expect(found['switch_pause_ms']).toBeGreaterThan(0);
    expect(found['rollback_pause_ms']).toBeGreaterThan(0);
  }, 90_000);
});
