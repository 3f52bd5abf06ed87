import { describe, expect, test } from '@jest/globals';
import { HealthChecks } from '../../src/platform/telemetry/health.js';
import { aShell, bearer } from './a-shell.js';

describe('a stopping program', () => {
  test('answers what it has begun before what stands behind it ends', async () => {
    const { app, sayings } = await aShell();
    const happened: string[] = [];
    const started = signal();
    const goOn = signal();
    sayings.say = async () => {
      started.give();
      await goOn.given;
      happened.push('decided');
      return { position: 9n };
    };
    sayings.onStop = () => void happened.push('store closed');
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();

    const answer = post(url);
    await started.given;
    const closed = app.close();
    await untilRefused(url);
    expect(happened).toEqual([]);
    goOn.give();

    expect([(await answer).status, (await answer).headers.get('chorus-position')]).toEqual([201, '9']);
    await closed;
    expect(happened).toEqual(['decided', 'store closed']);
  });

  test('ends in spite of connections that are kept open', async () => {
    const { app } = await aShell();
    await app.listen(0, '127.0.0.1');
    await (await fetch(`${await app.getUrl()}/health/live`)).text();
    const since = performance.now();
    await app.close();
    expect(performance.now() - since).toBeLessThan(2_000);
  });

  test('says that it is not ready before it refuses anything', async () => {
    const { app } = await aShell();
    app.get(HealthChecks).stopping();
    const ready = await app.inject({ url: '/health/ready' });
    expect([ready.statusCode, ready.json()]).toEqual([503, { ready: false, stopping: true, parts: [] }]);
    expect((await app.inject({ url: '/health/live' })).statusCode).toBe(200);
    expect((await app.inject({ method: 'POST', url: '/words/noop', headers: bearer() })).statusCode).toBe(201);
    await app.close();
  });
});

const post = (url: string) =>
  fetch(`${url}/words`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
    body: JSON.stringify({ word: 'hi', second: 1 }),
  });

function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return {
    given,
    give: () => {
      give();
    },
  };
}

async function untilRefused(url: string): Promise<void> {
  for (;;) {
    // A connection of its own: one that is already open would be served.
    const refused = await fetch(`${url}/health/live`, { headers: { connection: 'close' } }).then(
      () => false,
      () => true,
    );
    if (refused) return;
  }
}
