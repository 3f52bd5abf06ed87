import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { machineMs } from '../machine-clock.js';
import { tellUsageWhenAsked } from '../process-usage.js';

/**
 * The plainest way to tell many clients the same: `send` for each of them. It knows no prompts, no windows and no log; the texts
 * and their times are given to it beforehand, so sending them is all that it does.
 */
const Broadcast = z.object({ batches: z.array(z.object({ atMs: z.number(), text: z.string() })) });

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
await once(server, 'listening');

async function broadcast({ batches }: z.infer<typeof Broadcast>): Promise<void> {
  const beganAt = machineMs();
  for (const { atMs, text } of batches) {
    await sleep(Math.max(0, beganAt + atMs - machineMs()));
    for (const client of server.clients) client.send(text);
  }
}

tellUsageWhenAsked();
let ready: z.infer<typeof Broadcast> = { batches: [] };
process.on('message', (message) => {
  if (message === 'begin') {
    void broadcast(ready).then(() => process.send?.('done'));
    return;
  }
  const given = Broadcast.safeParse(message);
  if (!given.success) return;
  ready = given.data;
  process.send?.('ready');
});

const address = server.address();
if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a numeric port.');
process.send?.({ url: `http://127.0.0.1:${String(address.port)}` });
