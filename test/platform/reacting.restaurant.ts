import { CommandAddresses } from '../../src/platform/deciding/command-addresses.js';
import { Decider } from '../../src/platform/deciding/decider.js';
import type { DecidingObserver } from '../../src/platform/deciding/deciding-observer.js';
import type { StreamCommand } from '../../src/platform/deciding/stream-command.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { Checkpoints } from '../../src/platform/reacting/checkpoints.js';
import { DeadLetters } from '../../src/platform/reacting/dead-letters.js';
import { clockLimits, DeadlineClock, type ClockLimits } from '../../src/platform/reacting/deadline-clock.js';
import { Deadlines } from '../../src/platform/reacting/deadlines.js';
import type { Process } from '../../src/platform/reacting/process.js';
import { ReactingObserver } from '../../src/platform/reacting/reacting-observer.js';
import { processLimits, Tenure, type ProcessLimits } from '../../src/platform/reacting/tenure.js';
import { InterposedStore } from '../support/interposed-store.js';
import { guestTable, TableCommand, tableEvents, type TableEvent, type TableWish } from './deciding.guests.js';

export class ObservedReactions extends ReactingObserver {
  readonly failures: unknown[] = [];
  readonly troubles: unknown[] = [];
  readonly setAside: unknown[] = [];
  readonly fired: string[] = [];
  readonly deadlineFailures: unknown[] = [];
  reactionDone({ outcome, error }: Parameters<ReactingObserver['reactionDone']>[0]): void {
    if (outcome === 'failed') this.failures.push(error);
  }
  deadLettered({ position }: Parameters<ReactingObserver['deadLettered']>[0]): void {
    this.setAside.push(position);
  }
  deadlineFired({ outcome }: Parameters<ReactingObserver['deadlineFired']>[0]): void {
    this.fired.push(outcome);
  }
  deadlineFailed({ error }: Parameters<ReactingObserver['deadlineFailed']>[0]): void {
    this.deadlineFailures.push(error);
  }
  troubled({ error }: Parameters<ReactingObserver['troubled']>[0]): void {
    this.troubles.push(error);
  }
}

const unobserved: DecidingObserver = { commandDone: () => undefined };

/** Tables with guests, and what is needed to let processes react to them. The log is in memory, the processes' rows are in PostgreSQL. */
export function aRestaurant(database: Pick<Database, 'pool'>) {
  const log = new InMemoryEventStore(new EventCodec([tableEvents]));
  const store = new InterposedStore(log);
  const decider = new Decider(guestTable, store, unobserved);
  const commands = {
    sent: [] as StreamCommand[],
    execute: (command: StreamCommand) => {
      commands.sent.push(command);
      return decider.carryOut(command.id, command.payload as TableWish, command.cause);
    },
  };
  const addresses = new CommandAddresses([
    {
      address: {
        category: 'table',
        message: TableCommand,
        commandOf: (id: string, payload: TableWish, cause) => new TableCommand(id, payload, cause),
      },
    },
  ]);
  const checkpoints = new Checkpoints(database);
  const deadLetters = new DeadLetters(database);
  const deadlines = new Deadlines(database);
  const observer = new ObservedReactions();
  const tail = new Tail(store, { busyPollMs: 5, idlePollMs: 5 });
  const leases = new Set<{ abort: AbortController; ended: Promise<void> }>();
  const limits: ProcessLimits = { ...processLimits, retryMs: [1, 1, 1], outageMsMax: 5, saveMs: 5, lettersMs: 10 };
  let epochs = 0;

  function held(run: (signal: AbortSignal) => Promise<void>) {
    const abort = new AbortController();
    const lease = { abort, ended: run(abort.signal) };
    leases.add(lease);
    return {
      ended: lease.ended,
      end: async () => {
        abort.abort();
        await lease.ended;
        leases.delete(lease);
      },
    };
  }

  return {
    ...{ store, log, commands, addresses, checkpoints, deadLetters, deadlines, observer, database },
    happens: async (table: string, ...events: TableEvent[]) => {
      const append = {
        writes: [{ stream: `table-${table}`, expected: 'any', events }],
        metadata: { correlationId: 'client' },
      } as const;
      const { position } = await log.append(append);
      return position;
    },
    happened: async () => (await log.readAll({ after: 0n, limit: 1_000 })).events,
    newEpoch: () => (epochs += 1),
    /** A worker gets the lease of the process; a new one each time, unless it is told the epoch of an old one. */
    runs: (
      process: Process,
      { epoch = (epochs += 1), ...changed }: Partial<ProcessLimits> & { epoch?: number } = {},
    ) => {
      const acting = { commands, addresses, deadlines };
      const parts = {
        process,
        store,
        tail,
        checkpoints,
        deadLetters,
        acting,
        observer,
        limits: { ...limits, ...changed },
      };
      return held((signal) => Tenure.of(parts, { epoch, signal }));
    },
    ticks: (changed: Partial<ClockLimits> = {}) => {
      const clock = new DeadlineClock(
        { deadlines, commands, addresses, observer },
        { ...clockLimits, pollMs: 20, ...changed },
      );
      return held((signal) => clock.run(signal));
    },
    close: async () => {
      for (const { abort, ended } of leases) {
        abort.abort();
        await ended;
      }
      await tail.close();
    },
  };
}

export const seated = (guest: string): TableEvent => ({ type: 'GuestSeated', guest });
export const left = (guest: string): TableEvent => ({ type: 'GuestLeft', guest });
