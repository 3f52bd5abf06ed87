import fc from 'fast-check';
import { z } from 'zod';
import { event, type EventFamily, type EventOf } from '../../src/kernel/event-family.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { TimeTravel } from '../../src/platform/time-travel/time-travel.js';
import type { Question } from '../../src/platform/time-travel/question.js';
import { aWorker, type Worker } from './projecting.worker.js';

/** People press buttons until somebody takes a button away. Rows are added, changed, read by the fold and removed. */
export const buttonEvents = {
  Pressed: event(z.object({ button: z.string(), userSub: z.string(), times: z.int() })),
  Removed: event(z.object({ button: z.string(), userSub: z.string() })),
} satisfies EventFamily;
export type ButtonEvent = EventOf<typeof buttonEvents>;

const buttons = projection<typeof buttonEvents>()({
  name: 'buttons',
  version: 1,
  tables: {
    buttons: table({
      name: 'buttons',
      columns: { button: 'text', presses: 'bigint', most: 'integer', last: 'text?', seen_at: 'timestamptz' },
      key: ['button'],
      indexes: [['presses']],
    }),
    people: table({ name: 'button_people', columns: { user_sub: 'text', presses: 'integer' }, key: ['user_sub'] }),
  },
  reads: ({ button }) => ({ buttons: [{ button }] }),
  when: {
    Pressed: ({ button, userSub, times }, rows, { recordedAt }) => {
      if (times < 0) throw new RangeError('nobody presses less than never');
      const most = Math.max(times, rows.buttons.get({ button })?.most ?? 0);
      rows.buttons.add({ button }, { presses: times });
      rows.buttons.set({ button }, { most, last: userSub, seen_at: recordedAt });
      rows.people.add({ user_sub: userSub }, { presses: times });
    },
    Removed: ({ button }, rows) => {
      rows.buttons.remove({ button });
    },
  },
});

export const pressed = (button: string, userSub = 'ada', times = 1): ButtonEvent => ({
  type: 'Pressed',
  button,
  userSub,
  times,
});
export const removed = (button: string, userSub = 'ada'): ButtonEvent => ({ type: 'Removed', button, userSub });

const someButton = fc.constantFrom('red', 'green', 'blue');
const somebody = fc.constantFrom('ada', 'bob', 'eve');
export const histories = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(someButton, somebody, fc.nat(9)).map((pressing) => pressed(...pressing)) },
    { weight: 1, arbitrary: fc.tuple(someButton, somebody).map((removing) => removed(...removing)) },
  ),
  { minLength: 1, maxLength: 14 },
);

export interface Button {
  readonly button: string;
  readonly presses: number;
  readonly most: number;
  readonly last: string;
  readonly seen_at: string;
}

/** The same by hand: one event after the other, into a map. */
export function buttonsByHand(events: readonly RecordedEvent[]): readonly Button[] {
  const found = new Map<string, Button>();
  for (const { event: happened, recordedAt } of events) {
    if (!isOurs(happened)) continue;
    const { button, userSub: last } = happened;
    const before = found.get(button);
    if (happened.type === 'Removed') found.delete(button);
    else {
      const presses = (before?.presses ?? 0) + happened.times;
      const most = Math.max(before?.most ?? 0, happened.times);
      // As PostgreSQL writes a time in JSON.
      const seen_at = recordedAt.toISOString().replace(/\.?0*Z$/, '+00:00');
      found.set(button, { button, presses, most, last, seen_at });
    }
  }
  return [...found.values()].sort((one, other) => (one.button < other.button ? -1 : 1));
}

function isOurs(happened: { readonly type: string }): happened is ButtonEvent {
  return happened.type === 'Pressed' || happened.type === 'Removed';
}

export interface Room {
  readonly worker: Worker;
  readonly time: TimeTravel;
  readonly log: RecordedEvent[];
  happens(...events: readonly ButtonEvent[]): Promise<bigint>;
}

export async function aRoom(database: Database): Promise<Room> {
  const codec = new EventCodec([buttonEvents]);
  const worker = await aWorker(database, { projections: [buttons], codec });
  const log: RecordedEvent[] = [];
  return {
    worker,
    log,
    time: new TimeTravel({ database, store: worker.store, codec, projections: [buttons] }),
    happens: async (...events) => {
      for (const happened of events) {
        const writes = [{ stream: `button-${happened.button}`, expected: 'any', events: [happened] }] as const;
        log.push(...(await worker.store.append({ writes, metadata: { correlationId: 'test' } })).events);
      }
      return log.at(-1)?.position ?? 0n;
    },
  };
}

/** All of it. */
export const everything: Question = { where: [], limit: 1_000 };

/** Scratch builds, by row or by schema: none must be left. */
export async function leftBehind(database: Database): Promise<readonly string[]> {
  const { rows } = await database.pool.query(
    `select schema from projecting.builds where state = 'scratch'
     union select nspname from pg_namespace where nspname like 'scratch%'`,
  );
  return z
    .array(z.object({ schema: z.string() }))
    .parse(rows)
    .map(({ schema }) => schema);
}
