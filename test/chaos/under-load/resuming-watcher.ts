import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { z } from 'zod';
import type { OpenPrompt } from './visitors.js';

export interface WatchedWorld {
  readonly urls: readonly string[];
  readonly prompt: OpenPrompt;
  /** Seconds into the prompt, by everybody's clock. */
  readonly promptTime: () => number;
}

const Packet = z.object({
  type: z.string(),
  data: z.object({
    position: z.string().optional(),
    events: z.array(z.object({ uid: z.string(), evtype: z.string() })).optional(),
    dropped: z.int().optional(),
  }),
});

/**
 * Somebody who watches as a careful client does: whenever the connection ends, whoever ended it, it is made again to the next
 * process, from the last position that any packet named.
 */
export class ResumingWatcher {
  /** How often each like was told. */
  readonly seen = new Map<string, number>();
  dropped = 0;
  connections = 0;
  #position: string | undefined;
  #turn: number;

  constructor(
    private readonly world: WatchedWorld,
    nth: number,
  ) {
    this.#turn = nth;
  }

  get reconnects(): number {
    return Math.max(0, this.connections - 1);
  }

  /** Has named a position, from which on nothing may be missing. */
  get isWatching(): boolean {
    return this.#position !== undefined;
  }

  async watchUntil(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#watchOnce(over);
      await sleep(restMs, undefined, { signal: over }).catch(() => undefined);
    }
  }

  #watchOnce(over: AbortSignal): Promise<void> {
    const { urls } = this.world;
    this.#turn += 1;
    const url = urls[this.#turn % urls.length] ?? '';
    return new Promise((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/api/2/interactive_prompts/live`, {
        handshakeTimeout: connectMsMax,
      });
      const leave = (): void => {
        socket.terminate();
      };
      over.addEventListener('abort', leave);
      // A process that was killed refuses, or breaks off; `close` follows.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        over.removeEventListener('abort', leave);
        resolve();
      });
      socket.on('open', () => {
        socket.send(JSON.stringify({ type: 'authorize', data: this.#authorize() }));
      });
      socket.on('message', (text) => {
        this.#take(socket, Buffer.isBuffer(text) ? text.toString('utf8') : '');
      });
    });
  }

  #authorize(): object {
    const { uid, jwt } = this.world.prompt;
    const window = { bandwidth: 5_000, lookback: 10, lookahead: 10 };
    const resume = this.#position === undefined ? {} : { resume_from: this.#position };
    return { interactive_prompt_uid: uid, jwt, ...window, ...resume };
  }

  #take(socket: WebSocket, text: string): void {
    const { type, data } = Packet.parse(JSON.parse(text));
    if (type === 'sync_request') {
      const time = this.world.promptTime();
      const sync = { receive_timestamp: time, transmit_timestamp: time };
      socket.send(JSON.stringify({ type: 'sync_response', data: sync }));
    }
    if (type === 'auth_response') this.connections += 1;
    for (const { uid, evtype } of data.events ?? [])
      if (evtype === 'like') this.seen.set(uid, (this.seen.get(uid) ?? 0) + 1);
    this.dropped += data.dropped ?? 0;
    this.#position = data.position ?? this.#position;
  }
}

const restMs = 100;
const connectMsMax = 2_000;
