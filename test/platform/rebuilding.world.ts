import { z } from 'zod';
import type { Database } from '../../src/platform/database/database.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import type { RebuildState } from '../../src/platform/rebuilding/rebuild.js';
import { type presses, pressTable, until, type Worker } from './projecting.worker.js';

/** Presses of each button, and of all together: two tables that must always agree. */
export const ledger = projection<typeof presses>()({
  name: 'ledger',
  version: 1,
  tables: {
    buttons: table({
      name: 'ledger_buttons',
      columns: { button: 'text', presses: 'integer' },
      key: ['button'],
      indexes: [['presses'], ['presses', 'button']],
    }),
    totals: table({ name: 'ledger_totals', columns: { what: 'text', presses: 'integer' }, key: ['what'] }),
  },
  when: {
    Pressed: ({ button, times }, rows) => {
      if (times < 0) throw new RangeError(`nobody presses "${button}" ${String(times)} times`);
      rows.buttons.add({ button }, { presses: times });
      rows.totals.add({ what: 'all' }, { presses: times });
    },
  },
});

/** The same, but for one mistake: it doesn't see the button `blue`. */
export const mistaken: Projection = projection<typeof presses>()({
  ...ledger,
  when: {
    Pressed: ({ button, times }, rows) => {
      rows.buttons.add({ button }, { presses: button === 'blue' ? 0 : times });
      rows.totals.add({ what: 'all' }, { presses: times });
    },
  },
});

/** A second projection for the same pass. */
export const releases = projection<typeof presses>()({
  name: 'releases',
  version: 1,
  tables: { counts: pressTable('releases') },
  when: {
    Released: ({ button }, rows) => {
      rows.counts.add({ button }, { presses: 1 });
    },
  },
});

export async function reached(worker: Worker, name: string, state: RebuildState): Promise<void> {
  await until(async () => {
    const rebuild = await worker.rebuilds.of(name);
    if (rebuild?.problem !== undefined && rebuild.problem !== null) throw new Error(rebuild.problem);
    return rebuild?.state === state;
  });
}

export async function problemOf(worker: Worker, name: string): Promise<string> {
  await until(async () => typeof (await worker.rebuilds.of(name))?.problem === 'string');
  return (await worker.rebuilds.of(name))?.problem ?? '';
}

const Pressed = z.array(z.object({ name: z.string(), presses: z.coerce.number() }));

/** By button, with the total beside them, in one statement. */
export async function shown(database: Database, schema = 'read'): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.pool.query(
    `select button as name, presses from ${schema}.ledger_buttons union all
     select what, presses from ${schema}.ledger_totals order by 1`,
  );
  return Object.fromEntries(Pressed.parse(rows).map(({ name, presses: times }) => [name, times]));
}

/** What the log says, by code that shares nothing with projecting. */
export async function recounted(database: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.pool.query(
    `select data ->> 'button' as name, sum((data ->> 'times')::integer) as presses from log.events
     where type = 'Pressed' group by 1 union all
     select 'all', sum((data ->> 'times')::integer) from log.events where type = 'Pressed' order by 1`,
  );
  return Object.fromEntries(Pressed.parse(rows).map(({ name, presses: times }) => [name, times]));
}

const States = z.array(z.object({ schema: z.string(), state: z.string() }));

export async function buildStates(database: Database): Promise<Readonly<Record<string, string>>> {
  const { rows } = await database.pool.query('select schema, state from projecting.builds order by build');
  return Object.fromEntries(States.parse(rows).map(({ schema, state }) => [schema, state]));
}

export async function caughtUp(worker: Worker, name = 'ledger'): Promise<void> {
  await worker.progress.waitFor(name, await worker.store.head(), 8_000);
}
