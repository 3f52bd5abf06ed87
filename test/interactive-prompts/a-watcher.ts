import { once } from 'node:events';
import WebSocket from 'ws';
import { z } from 'zod';

const Item = z.looseObject({
  uid: z.string(),
  user_sub: z.string().nullable(),
  session_uid: z.string().nullable(),
  evtype: z.string(),
  prompt_time: z.number(),
  icon: z.unknown(),
  data: z.looseObject({}),
  position: z.string(),
});
export type Item = z.infer<typeof Item>;

const Packet = z.object({ success: z.boolean(), type: z.string(), uid: z.string(), data: z.looseObject({}) });
const Batch = z.object({ events: z.array(Item).min(1), dropped: z.number(), position: z.string() });
export type Batch = z.infer<typeof Batch>;

export interface Came {
  readonly type: string;
  readonly success: boolean;
  readonly uid: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds since the stream began; negative before. */
  readonly atMs: number;
}

export interface WatchOptions {
  readonly bandwidth?: number;
  readonly lookback?: number;
  readonly lookahead?: number;
  readonly stats?: boolean;
  readonly resume_from?: string | number;
  /** What the client's clock shows while it answers, and how long the answer takes. */
  readonly promptTime?: number;
}

/** A client of the live watch, on a real websocket, that keeps everything it is told. */
export class Watcher {
  readonly came: Came[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  private startedAt = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (raw, isBinary) => {
      const packet = Packet.parse(JSON.parse(Buffer.isBuffer(raw) ? raw.toString('utf8') : ''));
      if (isBinary) throw new Error('The server sends text.');
      if (packet.type === 'auth_response') this.startedAt = performance.now();
      this.came.push({ ...packet, atMs: this.startedAt === 0 ? -1 : performance.now() - this.startedAt });
    });
    socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }));
    socket.on('error', () => undefined);
  }

  static async connect(url: string, path = '/api/2/interactive_prompts/live'): Promise<Watcher> {
    const watcher = new Watcher(new WebSocket(`${url.replace('http', 'ws')}${path}`));
    if (watcher.socket.readyState === WebSocket.CONNECTING) await once(watcher.socket, 'open');
    return watcher;
  }

  /** Goes through the whole handshake. */
  static async watch(url: string, prompt: { uid: string; jwt: string }, options: WatchOptions = {}): Promise<Watcher> {
    const watcher = await Watcher.connect(url);
    watcher.authorize(prompt, options);
    await watcher.packet('sync_request');
    const { promptTime = 0 } = options;
    watcher.say('sync_response', { receive_timestamp: promptTime, transmit_timestamp: promptTime });
    await watcher.packet('auth_response');
    return watcher;
  }

  authorize({ uid, jwt }: { uid: string; jwt: string }, { promptTime: _, ...options }: WatchOptions = {}): void {
    const defaults = { bandwidth: 1_000, lookback: 10, lookahead: 10 };
    this.say('authorize', { interactive_prompt_uid: uid, jwt, ...defaults, ...options });
  }

  say(type: string, data: object): void {
    this.socket.send(JSON.stringify({ type, data }));
  }

  all(type: string): readonly Came[] {
    return this.came.filter((packet) => packet.type === type);
  }

  get batches(): readonly (Batch & { atMs: number })[] {
    return this.all('event_batch').map(({ data, atMs }) => ({ ...Batch.parse(data), atMs }));
  }

  get items(): readonly Item[] {
    return this.batches.flatMap(({ events }) => events);
  }

  /** From where to resume. */
  get position(): string {
    const said = this.came.flatMap(({ data }) => (typeof data['position'] === 'string' ? [data['position']] : []));
    return said.at(-1) ?? '0';
  }

  async packet(type: string, count = 1, msMax = 8_000): Promise<Came> {
    await this.until(`${String(count)} ${type}`, () => this.all(type).length >= count, msMax);
    return this.all(type)[count - 1]!;
  }

  async seen(count: number, msMax = 8_000): Promise<readonly Item[]> {
    await this.until(`${String(count)} items`, () => this.items.length >= count, msMax);
    return this.items;
  }

  async end(msMax = 8_000): Promise<{ readonly code: number; readonly reason: string }> {
    await this.until('the end', () => this.closed !== undefined, msMax, true);
    return this.closed as { code: number; reason: string };
  }

  leave(): void {
    this.socket.terminate();
  }

  private async until(what: string, holds: () => boolean, msMax: number, alsoClosed = false): Promise<void> {
    const giveUpAt = performance.now() + msMax;
    while (!holds()) {
      if (performance.now() > giveUpAt) throw new Error(`There was no ${what}: ${JSON.stringify(this.came)}`);
      if (!alsoClosed && this.closed !== undefined)
        throw new Error(`Closed with ${JSON.stringify(this.closed)} before ${what}: ${JSON.stringify(this.came)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
