import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { Watcher } from './a-watcher.js';
import { aLiveStage, type LivePrompt, type LiveStage, type LiveVisit } from './live-stage.js';

/** Whatever one client does, this other one must go on being told, in time. */
describe('a live client that', () => {
  let stage: LiveStage;
  let url: string;
  let prompt: LivePrompt;
  let visit: LiveVisit;
  let time = 0;
  const opened: Watcher[] = [];
  const connected = async (): Promise<Watcher> => {
    const watcher = await Watcher.connect(url);
    opened.push(watcher);
    return watcher;
  };
  const watching = async (): Promise<Watcher> => {
    const watcher = await prompt.watch({ promptTime: time });
    opened.push(watcher);
    return watcher;
  };
  const othersAreUnharmed = async (): Promise<void> => {
    const [other] = opened;
    const before = other?.items.length ?? 0;
    const sentAt = performance.now();
    await visit.like((time += 0.1));
    await other?.seen(before + 1);
    expect(performance.now() - sentAt).toBeLessThan(1_000);
  };

  beforeAll(async () => {
    stage = await aLiveStage([{ LIVE_CONNECTIONS_PER_ADDRESS_MAX: '50', LIVE_BACKLOG_BYTES_MAX: '65536' }]);
    [url = ''] = stage.urls;
    prompt = await stage.prompt(3_600);
    visit = await prompt.visit('Ada');
    await watching();
  });
  afterEach(async () => {
    for (const watcher of opened.splice(1)) watcher.leave();
    await sleep(50);
  });
  afterAll(() => stage.stop());

  it.each([
    ['no JSON', 'garbage'],
    ['a list', '[]'],
    ['nothing', ''],
    ['bytes', Buffer.from([0xff, 0xfe, 0])],
  ])('sends %s is told so and closed with 1008', async (_what, sent) => {
    const watcher = await connected();
    watcher.socket.send(sent);

    expect((await watcher.packet('error')).data).toMatchObject({ code: 422, type: 'unprocessable_entity' });
    expect(await watcher.end()).toEqual({ code: 1008, reason: 'garbage' });
    await othersAreUnharmed();
  });

  it('speaks out of turn is closed with 1008', async () => {
    const watcher = await connected();
    for (let nth = 0; nth < 3; nth += 1) watcher.socket.send('{}');

    expect((await watcher.end()).code).toBe(1008);
    await othersAreUnharmed();
  });

  it('speaks after the handshake is closed with 1008', async () => {
    const watcher = await watching();
    watcher.say('authorize', {});

    expect(await watcher.end()).toEqual({ code: 1008, reason: 'stray' });
    await othersAreUnharmed();
  });

  it('sends too much is closed with 1009', async () => {
    const watcher = await connected();
    watcher.socket.send('x'.repeat(100_000));

    expect((await watcher.end()).code).toBe(1009);
    await othersAreUnharmed();
  });

  it('sends broken frames is closed with 1002', async () => {
    const raw = await handshaken(url);
    const answer = new Promise<Buffer>((resolve) => raw.once('data', resolve));
    raw.write(Buffer.from([0xf3, 0x80, 1, 2, 3, 4]));

    const frame = await answer;
    expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, 1002]);
    raw.destroy();
    await othersAreUnharmed();
  });

  it('sends more pings than anybody needs is closed with 1008', async () => {
    const watcher = await watching();
    for (let nth = 0; nth < 100; nth += 1) watcher.socket.ping();

    expect(await watcher.end()).toEqual({ code: 1008, reason: 'pings' });
    await othersAreUnharmed();
  });

  it('opens a thousand connections gets as many as one address may have, and the others are closed with 1013', async () => {
    const flood = await Promise.all(Array.from({ length: 1_000 }, () => Watcher.connect(url)));
    opened.push(...flood);
    await othersAreUnharmed();
    await sleep(500);

    const refused = flood.filter(({ closed }) => closed?.code === 1013);
    expect(refused.length).toBeGreaterThanOrEqual(950);
    // On a slow machine, those that were let in may have been silent for too long by now.
    expect(flood.filter(({ closed }) => closed !== undefined && ![1000, 1013].includes(closed.code))).toEqual([]);
    for (const watcher of flood) watcher.leave();
    await sleep(200);
    await othersAreUnharmed();
    const later = await watching();
    expect(later.closed).toBeUndefined();
  });

  it('asks for an address where nothing is watched is answered as HTTP', async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/2/nothing`);
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(404);
  });

  it('offers another protocol on a request is answered as if it had not', async () => {
    const raw = connect(Number(new URL(url).port), '127.0.0.1');
    const answer = new Promise<Buffer>((resolve) => raw.once('data', resolve));
    raw.write('GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n');
    expect(String(await answer)).toMatch(/^HTTP\/1\.1 200/);
    raw.destroy();
  });
});

/** A websocket without a library, so that it can send what no library would. */
async function handshaken(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const raw = connect(Number(port), hostname);
  const answered = new Promise((resolve) => raw.once('data', resolve));
  raw.write(
    'GET /api/2/interactive_prompts/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await answered;
  return raw;
}
