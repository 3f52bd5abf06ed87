import { Database } from '../../src/platform/database/database.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { appendOurs, limits, load } from './append.js';
import { anEventCodec } from './append-load.js';

/** The other process of `bench append`: `append-process <url> <seconds>`, answers over the channel to its parent. */
const [url = '', seconds = '1'] = process.argv.slice(2);
const database = await Database.open({ url, connectionsMax: 4 });
const store = new PostgresEventStore(database, anEventCodec(), limits);
const measured = await load({
  callers: 64,
  seconds: Number(seconds),
  once: (stream, version) => appendOurs(store, stream, version),
});
await store.close();
await database.close();
if (process.send === undefined) throw new Error('This program is started by the append benchmark.');
process.send(measured);
