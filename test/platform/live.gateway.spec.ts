import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import WebSocket from 'ws';
import { readConfig } from '../../src/platform/config/config.js';
import { LiveGateway, type Serve } from '../../src/platform/live/live-gateway.js';
import { textFrame } from '../../src/platform/live/text-frame.js';
import { createLog } from '../../src/platform/telemetry/log.js';
import { Metrics } from '../../src/platform/telemetry/metrics.js';
import { eventually } from '../support/eventually.js';

/** Whatever one client does, or one mistake of ours does to it, this other one goes on being told. */
describe('the live gateway, with somebody who is told the time', () => {
  let server: Server;
  let gateway: LiveGateway;
  let metrics: Metrics;
  let told = 0;
  const opened: (WebSocket | Socket)[] = [];

  const url = (path: string): string => `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}${path}`;
  const closes = new WeakMap<WebSocket, Promise<unknown[]>>();
  const client = async (path: string): Promise<WebSocket> => {
    const socket = new WebSocket(url(path));
    opened.push(socket);
    // From the beginning: some are closed together with the answer that opens them.
    closes.set(socket, once(socket, 'close'));
    await once(socket, 'open');
    return socket;
  };
  const closeOf = async (socket: WebSocket): Promise<{ code: number; reason: string }> => {
    const [code, reason] = (await closes.get(socket)) as [number, Buffer];
    return { code, reason: String(reason) };
  };
  const closedBecause = async (reason: string): Promise<number> => {
    const found = new RegExp(`chorus_live_closed_total\\{reason="${reason}"\\} (\\d+)`).exec(await metrics.text());
    return Number(found?.[1] ?? 0);
  };
  /** This side counts a client once it is gone, a moment after the client knows. */
  const countsOne = (reason: string): Promise<void> =>
    eventually(async () => {
      expect(await closedBecause(reason)).toBe(1);
    });
  const othersAreUnharmed = async (): Promise<void> => {
    const before = told;
    const since = performance.now();
    while (told < before + 5) await sleep(1);
    expect(performance.now() - since).toBeLessThan(1_000);
  };

  const serves: Readonly<Record<string, Serve>> = {
    '/time': async (connection) => {
      while (connection.isOpen()) {
        connection.send(textFrame(String(performance.now())));
        await sleep(5);
      }
    },
    '/firehose': async (connection) => {
      const frame = textFrame('x'.repeat(200_000));
      while (connection.isOpen()) {
        connection.send(frame);
        await sleep(1);
      }
    },
    '/question': async (connection) => {
      const first = await connection.receive(100);
      if (first !== undefined) await connection.receive(100);
    },
    '/mistake': () => Promise.reject(new Error('a mistake of ours')),
  };

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    metrics = new Metrics();
    const host = { httpAdapter: { getHttpServer: () => server } } as unknown as HttpAdapterHost;
    const config = readConfig({ LIVE_BACKLOG_BYTES_MAX: '1000000', LIVE_CONNECTIONS_PER_ADDRESS_MAX: '20' });
    gateway = new LiveGateway(host, config, createLog({ level: 'fatal' }), metrics);
    for (const [path, serve] of Object.entries(serves)) gateway.serve(path, serve);
    gateway.onApplicationBootstrap();
    const other = await client('/time');
    other.on('message', () => (told += 1));
  });
  afterEach(async () => {
    for (const one of opened.splice(0))
      if (one instanceof WebSocket) one.terminate();
      else one.destroy();
    await gateway.beforeApplicationShutdown();
    server.close();
  });

  it('closes a client with 1011 whom it failed, and says nothing of why', async () => {
    expect(await closeOf(await client('/mistake'))).toEqual({ code: 1011, reason: 'failed' });
    await countsOne('failed');
    await othersAreUnharmed();
  });

  it.each([
    ['from the beginning', []],
    ['in the middle', ['an answer']],
  ])('closes a client with 1000 that is silent %s', async (_when, says) => {
    const silent = await client('/question');
    for (const word of says) silent.send(word);
    expect(await closeOf(silent)).toEqual({ code: 1000, reason: 'silent' });
    await countsOne('silent');
    await othersAreUnharmed();
  });

  it('cuts clients off that never read, however many, and keeps no more of what they were told than it may', async () => {
    const deaf = await Promise.all(Array.from({ length: 10 }, () => client('/firehose')));
    for (const one of deaf) (one as unknown as { _socket: Socket })._socket.pause();
    await othersAreUnharmed();
    await eventually(async () => {
      expect(await closedBecause('slow')).toBe(10);
    }, 15_000);
    await othersAreUnharmed();
  }, 30_000);

  it('closes who is one too many with 1013, also if they never finished asking', async () => {
    const half = Array.from({ length: 30 }, () => {
      const raw = connect((server.address() as AddressInfo).port, '127.0.0.1');
      raw.on('error', () => undefined);
      raw.write('GET /time HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n');
      opened.push(raw);
      return raw;
    });
    // Whoever has not asked yet takes nobody's place.
    const many = await Promise.all(Array.from({ length: 19 }, () => client('/time')));
    expect(await closeOf(await client('/time'))).toEqual({ code: 1013, reason: 'full' });
    expect(many.every(({ readyState }) => readyState === WebSocket.OPEN)).toBe(true);
    expect(half.every(({ destroyed }) => !destroyed)).toBe(true);
    await othersAreUnharmed();
  });
});
