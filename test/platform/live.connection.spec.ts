import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { Beats } from '../../src/platform/live/beats.js';
import { LiveConnection } from '../../src/platform/live/live-connection.js';
import { textFrame } from '../../src/platform/live/text-frame.js';

describe('a live connection', () => {
  let server: Server;
  const protocol = new WebSocketServer({ noServer: true, clientTracking: false });
  const clients: WebSocket[] = [];
  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
    server.close();
  });

  const connected = async (backlogBytesMax = 1_000_000): Promise<{ client: WebSocket; connection: LiveConnection }> => {
    const accepted = new Promise<LiveConnection>((resolve) => {
      server.once('upgrade', (request, wire, head) => {
        protocol.handleUpgrade(request, wire, head, (socket) => {
          resolve(new LiveConnection(socket, wire, { backlogBytesMax }));
        });
      });
    });
    const client = new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    clients.push(client);
    await once(client, 'open');
    return { client, connection: await accepted };
  };
  const closeOf = async (client: WebSocket): Promise<{ code: number; reason: string }> => {
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    return { code, reason: String(reason) };
  };
  const deafen = (client: WebSocket): void => {
    (client as unknown as { _socket: Socket })._socket.pause();
  };

  it('carries texts of every length as they are', async () => {
    const { client, connection } = await connected(10_000_000);
    const texts = [0, 1, 125, 126, 65_535, 65_536, 200_000].map((length) => 'ä€'.repeat(length).slice(0, length));
    const came: string[] = [];
    client.on('message', (data, isBinary) =>
      came.push(isBinary || !Buffer.isBuffer(data) ? 'binary' : data.toString('utf8')),
    );
    for (const text of texts) connection.send(textFrame(text));
    while (came.length < texts.length) await sleep(5);
    expect(came).toEqual(texts);
  });

  it('cuts a client off that never reads, and another one’s messages keep coming meanwhile', async () => {
    const [deaf, other] = [await connected(), await connected()];
    deafen(deaf.client);
    const ended = new Promise<void>((resolve) => {
      deaf.connection.onEnd(resolve);
    });
    const frame = textFrame('x'.repeat(100_000));
    let came = 0;
    other.client.on('message', () => (came += 1));
    let sent = 0;
    while (deaf.connection.isOpen() && sent < 1_000) {
      deaf.connection.send(frame);
      other.connection.send(frame);
      sent += 1;
      await sleep(1);
    }
    await ended;
    while (came < sent) await sleep(5);

    expect(deaf.connection.endedBy).toBe('slow');
    expect(deaf.connection.backlogBytes).toBeLessThan(1_200_000);
    expect(other.connection.isOpen()).toBe(true);
  });

  it('closes a client with 1008 that has been behind for longer than a moment', async () => {
    const { client, connection } = await connected(100_000_000);
    deafen(client);
    const frame = textFrame('x'.repeat(1_000_000));
    for (let nth = 0; nth < 10; nth += 1) connection.send(frame);
    connection.sweep();
    expect(connection.isOpen()).toBe(true);
    connection.sweep();
    expect(connection.endedBy).toBe('slow');

    const closed = closeOf(client);
    (client as unknown as { _socket: Socket })._socket.resume();
    expect(await closed).toEqual({ code: 1008, reason: 'slow' });
  });

  it('cuts off who answers no ping', async () => {
    const { client, connection } = await connected();
    deafen(client);
    const ended = new Promise<void>((resolve) => {
      connection.onEnd(resolve);
    });
    for (let second = 0; second < 60; second += 1) connection.sweep();
    await ended;
    expect(connection.isOpen()).toBe(false);
  });

  it('keeps who answers them', async () => {
    const { client, connection } = await connected();
    for (let nth = 0; nth < 4; nth += 1) {
      const asked = once(client, 'ping');
      for (let second = 0; second < 30; second += 1) connection.sweep();
      await asked;
      // What comes back after the client's answer has come after it on the way there, too.
      client.ping();
      await once(client, 'pong');
    }
    expect(connection.isOpen()).toBe(true);
  });

  it('cuts off who doesn’t go when told to', async () => {
    const { client, connection } = await connected();
    deafen(client);
    const ended = new Promise<void>((resolve) => {
      connection.onEnd(resolve);
    });
    connection.close('stopping');
    for (let second = 0; second < 6; second += 1) connection.sweep();
    await ended;
    expect(connection.endedBy).toBe('stopping');
  });
});

describe('beats', () => {
  it('come once an interval, for as long as somebody wants them', async () => {
    const beats = new Beats(100, 10);
    const counts = [0, 0];
    const beating = counts.map((_, nth) => ({ beat: () => void (counts[nth] = (counts[nth] ?? 0) + 1) }));
    beats.add(beating[0]!);
    await sleep(50);
    beats.add(beating[1]!);
    await sleep(510);
    beats.remove(beating[0]!);
    await sleep(200);
    beats.stop();

    expect(counts[0]).toBeGreaterThanOrEqual(4);
    expect(counts[0]).toBeLessThanOrEqual(6);
    expect(counts[1]).toBeGreaterThanOrEqual(6);
    expect(counts[1]).toBeLessThanOrEqual(8);
  });
});
