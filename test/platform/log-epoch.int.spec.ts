import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Continuity } from '../../src/platform/projecting/continuity.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { aWorker, counted, pressCounts, recounted, until, type Worker } from './projecting.worker.js';

let testing: TestDatabase;
let workers: Worker[];

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 14 });
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

async function started(): Promise<Worker> {
  const worker = await aWorker(testing.database, { projections: [pressCounts] });
  workers.push(worker);
  return worker;
}

async function stopped(worker: Worker): Promise<void> {
  await worker.stop();
  workers = workers.filter((each) => each !== worker);
}

/** What somebody does who puts the log back behind the program's back. */
async function logPutBackTo(position: number): Promise<void> {
  await testing.database.pool.query(`
    begin;
    alter table log.events disable trigger events_are_facts;
    delete from log.events where position > ${String(position)};
    alter table log.events enable trigger events_are_facts;
    commit`);
}

function read(): Promise<readonly unknown[]> {
  const { columns } = pressCounts.tables.counts;
  return new ReadModels(testing.database).query(columns, 'select * from read.press_counts order by button');
}

async function standing(): Promise<z.infer<typeof Standing>> {
  const { rows } = await testing.database.pool.query(
    `select position::integer, refused, anchor_position::integer as anchor from projecting.builds`,
  );
  return z.tuple([Standing]).parse(rows)[0];
}
const Standing = z.object({ position: z.number(), refused: z.string().nullable(), anchor: z.number().nullable() });

/** A worker has applied everything, and nobody runs any more. */
async function aPastOf(presses: number): Promise<void> {
  const worker = await started();
  const last = await worker.press('red', ...Array.from({ length: presses }, () => 1));
  expect(await worker.progress.waitFor('press_counts', last, 8_000)).toMatchObject({ reached: true });
  await stopped(worker);
}

describe('a build', () => {
  test('remembers the last event it took as its anchor, and goes on where the log is the same', async () => {
    await aPastOf(5);
    expect(await standing()).toEqual({ position: 5, refused: null, anchor: 5 });
    await aPastOf(3);
    expect(await standing()).toEqual({ position: 8, refused: null, anchor: 8 });
    expect(await read()).toMatchObject([{ button: 'red', presses: 8 }]);
  });

  test('keeps its anchor while it moves over events that it does not take', async () => {
    const worker = await started();
    await worker.press('red');
    const last = await worker.release('red');
    await until(async () => (await standing()).position === Number(last));
    expect(await standing()).toMatchObject({ position: 2, anchor: 1 });
  });
});

describe('a log that was put back to an older point', () => {
  test('makes owner and readers refuse when it now ends before the checkpoint', async () => {
    await aPastOf(5);
    await logPutBackTo(3);
    const worker = await started();
    await eventually(() => expect(worker.failures).not.toEqual([]));
    const sentence =
      'press_counts: it is at position 5, but the log ends at 3: the log was put back to an older point.';
    expect((await standing()).refused).toContain(sentence);
    await expect(read()).rejects.toMatchObject({
      name: 'ReadModelRefused',
      message: expect.stringContaining('"chorus projections rebuild press_counts"'),
    });
    expect(await worker.lag.report()).toMatchObject([{ problem: expect.stringContaining(sentence) }]);
  });

  test('makes them refuse when it has grown past the checkpoint again, and nothing more is written', async () => {
    await aPastOf(5);
    await logPutBackTo(3);
    const other = await aWorker(testing.database, { projections: [] });
    workers.push(other);
    await other.press('blue', ...Array.from({ length: 20 }, () => 1));
    const rowsBefore = await counted(testing.database);
    const worker = await started();
    await eventually(() => expect(worker.failures).not.toEqual([]));
    expect((await standing()).refused).toContain('another event at position 5');
    expect((await standing()).position).toBe(5);
    await expect(read()).rejects.toMatchObject({ name: 'ReadModelRefused' });
    expect(await counted(testing.database, 'press_counts_v1.press_counts')).toEqual(rowsBefore);
    expect(await recounted(testing.database)).toEqual({ blue: 20, red: 3 });
  });

  test('is noticed by a program that writes no read models, before anybody reads from it', async () => {
    await aPastOf(5);
    await logPutBackTo(0);
    const other = await aWorker(testing.database, { projections: [] });
    workers.push(other);
    await other.press('blue', 1, 1, 1, 1, 1, 1, 1);
    const prepared = new ReadModels(testing.database);
    const { columns } = pressCounts.tables.counts;
    const ask = () => prepared.query(columns, 'select * from read.press_counts where button = $1', ['nobody']);
    expect(await ask()).toEqual([]);
    const sentences = await new Continuity(testing.database, other.store).ensureAll();
    expect(sentences).toEqual([expect.stringContaining('another event at position 5')]);
    // The statement had been prepared on this view, and it asks for no row that there is.
    await expect(ask()).rejects.toMatchObject({ name: 'ReadModelRefused' });
    expect(await new Continuity(testing.database, other.store).ensureAll()).toEqual(sentences);
  });

  test('is noticed by its identity when the event at the anchor happens to be the same', async () => {
    await aPastOf(5);
    await testing.database.pool.query('update log.epoch set id = gen_random_uuid(), number = number + 1');
    const worker = await started();
    await eventually(() => expect(worker.failures).not.toEqual([]));
    expect((await standing()).refused).toContain('has since been restored from a backup');
  });
});
