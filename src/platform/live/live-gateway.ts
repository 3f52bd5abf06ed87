import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WebSocketServer } from 'ws';
import { CONFIG, type Config } from '../config/config.js';
import { listed, Networks } from '../config/listed.js';
import { clientAddress } from '../http/client-address.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { LiveConnection } from './live-connection.js';

/** Serves one client until its promise is done; what it throws is a bug and closes this client alone. */
export type Serve = (connection: LiveConnection) => Promise<void>;

const packetBytesMax = 16_384;
const sweepMs = 1_000;
const goodbyeMsMax = 2_000;

/**
 * Websockets, on the server that also answers requests: one path, one `Serve`.
 *
 * Connections are counted, in total and per address. Whoever is one too many is let in only to be told so, by a close code that
 * its client understands. The protocol is the library's; compression is off, since it would cost memory for every connection
 * and would keep one message from serving many.
 */
@Injectable()
export class LiveGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly serves = new Map<string, Serve>();
  private readonly protocol = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: packetBytesMax,
  });
  private readonly connections = new Set<LiveConnection>();
  private readonly perAddress = new Map<string, number>();
  private readonly closed;
  private sweeping: NodeJS.Timeout | undefined;
  private stopping = false;
  private readonly proxies: Networks;

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    metrics: Metrics,
  ) {
    this.proxies = new Networks(listed(config.TRUSTED_PROXIES));
    metrics.gauge(
      { name: 'chorus_live_connections', help: 'Open websocket connections.' },
      () => this.connections.size,
    );
    this.closed = metrics.counter({
      name: 'chorus_live_closed_total',
      help: 'Websocket connections that ended, by who ended them and why.',
      labels: ['reason'],
    });
  }

  serve(path: string, serve: Serve): void {
    this.serves.set(path, serve);
  }

  onApplicationBootstrap(): void {
    if (this.serves.size === 0) return;
    const server = this.server();
    // Where the platform knows this option, a request that offers another protocol stays a request.
    Object.assign(server, { shouldUpgradeCallback: isWebsocket });
    server.on('upgrade', (request: IncomingMessage, wire: Duplex, head: Buffer) => {
      this.upgrade(request, wire, head);
    });
    this.sweeping = setInterval(() => {
      for (const connection of this.connections) connection.sweep();
    }, sweepMs);
  }

  private server(): EventEmitter {
    const server: unknown = this.host.httpAdapter.getHttpServer();
    if (server instanceof EventEmitter) return server;
    throw new TypeError('Websockets need the server that answers requests.');
  }

  /** Before the server is closed: it waits for its connections, and these would stay. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    for (const connection of this.connections) connection.close('stopping');
    const giveUpAt = performance.now() + goodbyeMsMax;
    while (this.connections.size > 0 && performance.now() < giveUpAt) await new Promise((wake) => setTimeout(wake, 10));
    for (const connection of this.connections) connection.cutOff();
    clearInterval(this.sweeping);
  }

  private upgrade(request: IncomingMessage, wire: Duplex, head: Buffer): void {
    // Until the library has taken over, nobody else listens for a connection that breaks.
    const ignore = (): undefined => undefined;
    wire.on('error', ignore);
    const serve = this.serves.get(pathOf(request));
    if (this.stopping) {
      refuse(wire, '503 Service Unavailable');
      return;
    }
    if (serve === undefined || !isWebsocket(request)) {
      refuse(wire, '404 Not Found');
      return;
    }
    const address = clientAddress(request, this.proxies);
    this.protocol.handleUpgrade(request, wire, head, (socket) => {
      wire.off('error', ignore);
      const connection = new LiveConnection(socket, wire, { backlogBytesMax: this.config.LIVE_BACKLOG_BYTES_MAX });
      const isOneTooMany = this.isFull(address);
      this.count(connection, address);
      if (isOneTooMany) connection.close('full');
      else void this.attend(connection, serve);
    });
  }

  private isFull(address: string): boolean {
    const { LIVE_CONNECTIONS_MAX, LIVE_CONNECTIONS_PER_ADDRESS_MAX } = this.config;
    return (
      this.connections.size >= LIVE_CONNECTIONS_MAX ||
      (this.perAddress.get(address) ?? 0) >= LIVE_CONNECTIONS_PER_ADDRESS_MAX
    );
  }

  private count(connection: LiveConnection, address: string): void {
    this.connections.add(connection);
    this.perAddress.set(address, (this.perAddress.get(address) ?? 0) + 1);
    connection.onEnd(() => {
      this.connections.delete(connection);
      const left = (this.perAddress.get(address) ?? 1) - 1;
      if (left === 0) this.perAddress.delete(address);
      else this.perAddress.set(address, left);
      this.closed.inc({ reason: connection.endedBy ?? 'client' });
    });
  }

  private async attend(connection: LiveConnection, serve: Serve): Promise<void> {
    try {
      await serve(connection);
    } catch (err) {
      this.log.error({ err }, 'serving a live connection failed');
      connection.close('failed');
    }
  }
}

/** Also a client that keeps its end open is gone then: the server waits for its connections when it stops. */
function refuse(wire: Duplex, status: string): void {
  wire.once('finish', () => {
    wire.destroy();
  });
  wire.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

function isWebsocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
