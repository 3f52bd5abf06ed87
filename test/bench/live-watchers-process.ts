import { WebSocket, type RawData } from 'ws';
import { z } from 'zod';
import { machineMs } from './machine-clock.js';

/**
 * A process full of watchers, so that reading doesn't compete with telling for one thread. What many of them get is the same
 * text, so each text is parsed once, and of each watcher only what tells whether it got everything, once and in order.
 */
const Connect = z.object({
  what: z.literal('connect'),
  url: z.string(),
  watchers: z.int(),
  /** Absent: there is nothing to say before the texts come. */
  handshake: z.object({ promptUid: z.string(), jwt: z.string(), beganAtMs: z.number() }).optional(),
});
export const WatchersJob = z.discriminatedUnion('what', [Connect, z.object({ what: z.literal('report') })]);
export type WatchersJob = z.infer<typeof WatchersJob>;

export const WatchersReport = z.object({
  /** Each distinct text that told of likes, and when it came to each who got it. */
  batches: z.array(z.object({ events: z.array(z.string()), arrivalsMs: z.array(z.number()), text: z.string() })),
  /** How many likes each watcher was told of. */
  likes: z.array(z.int()),
  outOfOrder: z.int(),
  closed: z.array(z.string()),
});
export type WatchersReport = z.infer<typeof WatchersReport>;

const Batch = z.object({
  data: z.object({ events: z.array(z.object({ uid: z.string(), evtype: z.string(), position: z.coerce.number() })) }),
});

interface SeenBatch {
  readonly events: readonly string[];
  readonly arrivalsMs: number[];
  readonly first: number;
  readonly last: number;
  readonly text: string;
}

const headBytes = 120;
const connectingMax = 50;

class Watchers {
  private readonly batches = new Map<string, SeenBatch>();
  private readonly sockets: WebSocket[] = [];
  private readonly likes: number[] = [];
  private readonly lastPositions: number[] = [];
  private readonly closed: string[] = [];
  private outOfOrder = 0;

  constructor(private readonly job: z.infer<typeof Connect>) {}

  async connect(): Promise<void> {
    const { watchers } = this.job;
    for (let first = 0; first < watchers; first += connectingMax) {
      const some = Array.from({ length: Math.min(connectingMax, watchers - first) }, (_, nth) => this.one(first + nth));
      await Promise.all(some);
    }
  }

  report(): WatchersReport {
    const closed = [...this.closed];
    for (const socket of this.sockets) socket.terminate();
    const { likes, outOfOrder } = this;
    const batches = [...this.batches.values()].filter(({ events }) => events.length > 0);
    return {
      batches: batches.map(({ events, arrivalsMs, text }) => ({ events: [...events], arrivalsMs, text })),
      likes,
      outOfOrder,
      closed,
    };
  }

  /** Resolves once it is told whatever happens. */
  private one(nth: number): Promise<void> {
    const { url, handshake } = this.job;
    this.likes[nth] = 0;
    this.lastPositions[nth] = 0;
    return new Promise((resolve, reject) => {
      const path = handshake === undefined ? '/' : '/api/2/interactive_prompts/live';
      const address = `${url.replace('http', 'ws')}${path}`;
      const socket = new WebSocket(address, { perMessageDeflate: false, skipUTF8Validation: true });
      this.sockets.push(socket);
      socket.on('error', reject);
      socket.on('close', (code, reason) => {
        this.closed.push(`${String(code)} ${String(reason)}`);
        reject(new Error(`A watcher was closed with ${String(code)} ${String(reason)}.`));
      });
      socket.on('open', () => {
        if (handshake === undefined) resolve();
        else socket.send(JSON.stringify({ type: 'authorize', data: authorize(handshake) }));
      });
      socket.on('message', (data) => {
        const cameAtMs = machineMs();
        const { type, uid, text } = packet(data);
        if (type === 'event_batch') this.take(nth, { uid, text, cameAtMs });
        else if (type === 'sync_request' && handshake !== undefined) socket.send(synced(handshake));
        else if (type === 'auth_response') resolve();
        else if (type === 'error') reject(new Error(text()));
      });
    });
  }

  private take(nth: number, came: { uid: string; text: () => string; cameAtMs: number }): void {
    const batch = this.batches.get(came.uid) ?? seen(came.text());
    this.batches.set(came.uid, batch);
    batch.arrivalsMs.push(came.cameAtMs);
    if (batch.first <= (this.lastPositions[nth] ?? 0)) this.outOfOrder += 1;
    this.lastPositions[nth] = batch.last;
    this.likes[nth] = (this.likes[nth] ?? 0) + batch.events.length;
  }
}

function authorize({ promptUid, jwt }: { promptUid: string; jwt: string }): object {
  return { interactive_prompt_uid: promptUid, jwt, bandwidth: 5_000, lookback: 10, lookahead: 10 };
}

function synced({ beganAtMs }: { beganAtMs: number }): string {
  const promptTime = (machineMs() - beganAtMs) / 1_000;
  const data = { receive_timestamp: promptTime, transmit_timestamp: promptTime };
  return JSON.stringify({ type: 'sync_response', data });
}

/** Every packet begins with its type and uid, so most need no parsing. */
function packet(data: RawData): { readonly type: string; readonly uid: string; readonly text: () => string } {
  if (!Buffer.isBuffer(data)) throw new TypeError('A packet comes in one piece.');
  const head = data.toString('latin1', 0, headBytes);
  const [, type = '', uid = ''] = /"type":"(\w+)","uid":"([^"]+)"/.exec(head) ?? [];
  return { type, uid, text: () => data.toString('utf8') };
}

function seen(text: string): SeenBatch {
  const { events } = Batch.parse(JSON.parse(text)).data;
  return {
    events: events.filter(({ evtype }) => evtype === 'like').map(({ uid }) => uid),
    arrivalsMs: [],
    first: events[0]?.position ?? 0,
    last: events.at(-1)?.position ?? 0,
    text,
  };
}

let watchers: Watchers | undefined;

if (process.send !== undefined) {
  process.on('message', (message) => {
    const job = WatchersJob.parse(message);
    if (job.what === 'report') {
      process.send?.(watchers?.report());
      return;
    }
    watchers = new Watchers(job);
    void watchers.connect().then(() => process.send?.('connected'));
  });
}
