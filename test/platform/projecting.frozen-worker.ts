import { Database } from '../../src/platform/database/database.js';
import { aWorker, pressCounts } from './projecting.worker.js';

/**
 * A worker in a process of its own that stops itself, as SIGSTOP would, at the worst moment: with a batch folded and its
 * write not yet sent. Thawed, it goes on as if nothing had been, and says what came of it.
 */
const [url = '', freezeAt = '0'] = process.argv.slice(2);
const database = await Database.open({ url, connectionsMax: 4, applicationName: 'frozen' });
let written = 0;
const worker = await aWorker(database, {
  projections: [pressCounts],
  leases: { leaseMs: 3_000, tickMs: 750 },
  hooks: {
    beforeWrite: (_, events) => {
      if (events.length === 0) return;
      written += 1;
      if (written !== Number(freezeAt)) return;
      process.stdout.write('freezing\n');
      process.kill(process.pid, 'SIGSTOP');
      process.stdout.write('thawed\n');
    },
  },
});
process.stdout.write('started\n');
process.once('SIGTERM', () => {
  void worker
    .stop()
    .then(() => database.close())
    .then(() => {
      process.stdout.write(`stopped after ${String(worker.failures.length)} failures\n`);
    });
});
