import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import type { Hold, Leases } from '../leasing/lease.js';
import type { Projection } from '../projecting/projection.js';
import type { Finding } from '../telemetry/health.js';
import { selfCheck, type SelfCheck } from './self-check.js';
import type { CheckOnRecord, SelfCheckTable } from './self-check-table.js';

/**
 * Checks one live read model after the other, the one that waited longest first, for ever and slowly: one worker of all does
 * it, and gives live work three times the time that it takes itself.
 *
 * What was found wrong is looked at again every time, the same rows, until it is right.
 */
export class SelfChecker {
  private hold: Hold | undefined;

  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: SelfCheckerParts,
  ) {}

  start(leases: Leases): void {
    this.hold = leases.hold('self-check', ({ signal }) => this.run(signal));
  }

  async stop(): Promise<void> {
    await this.hold?.stop();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(await this.dueInMs(), signal);
      if (signal.aborted) return;
      for (const projection of await this.next()) await this.check(projection, signal);
    }
  }

  private async check(projection: Projection, signal: AbortSignal): Promise<void> {
    const { database, store, table, onFound } = this.parts;
    try {
      const again = await table.standing(projection.name);
      const rest = (pageMs: number): Promise<void> => pause(Math.max(5, 3 * pageMs), signal);
      const found = await selfCheck({ database, store, projection, again, rest, signal });
      await table.record(found);
      onFound(found);
    } catch (error) {
      if (signal.aborted) return;
      // The others have their turn, and this one not at once again.
      const why = `It failed: ${error instanceof Error ? error.name : typeof error}.`;
      await table.record({ projection: projection.name, outcome: 'skipped', why });
      throw error;
    }
  }

  /** Those that are wrong, and the one that was not checked for the longest time. */
  private async next(): Promise<readonly Projection[]> {
    const records = await this.parts.table.list();
    const age = (name: string): number => records.findIndex(({ projection }) => projection === name);
    const isWrong = ({ name }: Projection): boolean => records[age(name)]?.outcome === 'mismatch';
    const others = this.projections.filter((each) => !isWrong(each));
    const oldest = others.sort((one, other) => age(one.name) - age(other.name)).slice(0, 1);
    return [...this.projections.filter(isWrong), ...oldest];
  }

  /** Counted from the last check that any worker made: one that takes over doesn't begin anew. */
  private async dueInMs(): Promise<number> {
    const { table, everyMs } = this.parts;
    const last = (await table.list()).at(-1)?.checkedAt.getTime();
    return last === undefined ? everyMs : Math.min(everyMs, Math.max(minMs, last + everyMs - Date.now()));
  }
}

export interface SelfCheckerParts {
  readonly database: Pick<Database, 'pool'>;
  readonly store: Pick<EventStore, 'readAll'>;
  readonly table: SelfCheckTable;
  readonly everyMs: number;
  readonly onFound: (check: SelfCheck) => void;
}

/** A check that could not be recorded must not be repeated at once. */
const minMs = 100;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A read model that is not what the log says is a problem until somebody has done something about it. */
export function healthOf(records: readonly CheckOnRecord[]): Finding {
  const wrong = records.filter(({ outcome }) => outcome === 'mismatch');
  const facts = Object.fromEntries(records.map(({ projection, outcome }) => [projection, outcome]));
  if (wrong.length === 0) return { ok: true, facts };
  const why = wrong.map(
    ({ projection, differingTotal, rowsChecked, position }) =>
      `${projection}: ${String(differingTotal)} of ${String(rowsChecked)} rows that were checked at position ${String(position)} are not what the log makes of them.`,
  );
  return { ok: false, why: why.join(' '), facts };
}
