import pg from 'pg';
import {
  AppendOutcomeUnknown,
  AppendRejected,
  StoreUnavailable,
  VersionConflict,
} from '../../../../src/platform/event-store/errors.js';
import { PostgresEventStore } from '../../../../src/platform/event-store/postgres.event-store.js';
import { BatchWriter } from '../../../../src/platform/projecting/batch-writer.js';
import { Builds, type Build } from '../../../../src/platform/projecting/builds.js';
import type { Dice } from '../dice.js';
import { codec, deliveries, limits } from './happened.js';

/** What is told and seen while a schedule runs, for the verdict. */
export interface Notes {
  readonly acknowledged: Set<string>;
  readonly pages: Page[];
  conflicts: number;
  /** Appends that only an index kept from doing harm. */
  rejected: number;
  superseded: number;
}

export interface Page {
  readonly after: bigint;
  readonly scannedTo: bigint;
  readonly positions: readonly bigint[];
}

export type Turn = () => Promise<void>;

/** Two rounds of two concurrent appends each, which the store may put into one flush. */
export class Writer {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly notes: Notes,
    private readonly dice: Dice,
  ) {}

  async write(schedule: string, name: string, turn: Turn): Promise<void> {
    for (const round of ['1', '2']) {
      await turn();
      const streams = ['a', 'b'].map((nth) => [nth, `interleaved-${schedule}${this.dice.pick(['x', 'y'])}`] as const);
      await Promise.all(streams.map(([nth, stream]) => this.#carryOut(`${schedule}.${name}.${round}${nth}`, stream)));
    }
  }

  /** What found another version than expected is decided again; what got no answer is sent again under the same id. */
  async #carryOut(command: string, stream: string): Promise<void> {
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      try {
        await this.#attempt(command, stream);
        this.notes.acknowledged.add(command);
        return;
      } catch (error) {
        if (error instanceof VersionConflict) this.notes.conflicts += 1;
        else if (error instanceof AppendRejected) this.notes.rejected += 1;
        else if (!(error instanceof AppendOutcomeUnknown || error instanceof StoreUnavailable)) throw error;
      }
    }
    throw new Error(`${command} got no answer in ${String(attemptsMax)} attempts.`);
  }

  async #attempt(command: string, stream: string): Promise<void> {
    const { version } = await this.store.readStream(stream);
    const events = [{ type: 'InterleavedHappened', command }] as const;
    await this.store.append({
      writes: [{ stream, expected: version === 0 ? 'none' : version, events }],
      metadata: { correlationId: command },
      command: { id: command, fingerprint: command },
    });
  }
}

const attemptsMax = 50;

/** Takes the build over and advances it, whoever else does the same; each of its queries asks for a turn. */
export class Owner {
  readonly #pool: pg.Pool;
  readonly #store: PostgresEventStore;
  readonly #writer: BatchWriter;
  readonly #builds: Builds;

  constructor(
    private readonly parts: {
      readonly url: string;
      readonly build: Build;
      readonly nextEpoch: () => number;
      readonly notes: Notes;
      readonly dice: Dice;
    },
    turn: Turn,
  ) {
    this.#pool = new pg.Pool({ connectionString: parts.url, max: 2, application_name: ownerConnections });
    this.#pool.on('error', () => undefined);
    const pool = turning(this.#pool, turn);
    this.#store = new PostgresEventStore({ url: parts.url, pool }, codec, limits);
    this.#writer = new BatchWriter({ pool }, deliveries);
    this.#builds = new Builds({ pool });
  }

  async advance({ batches, untilQuiet }: { batches: number; untilQuiet: boolean }): Promise<void> {
    let own: Build | undefined;
    for (let batch = 0; batch < batches; batch += 1) {
      try {
        own ??= await this.#builds.claim(this.parts.build, this.parts.nextEpoch());
        // Another owner with a newer epoch was quicker.
        if (own === undefined) continue;
        const at = own.position;
        own = await this.#advanceOnce(own);
        if (untilQuiet && own?.position === at) break;
      } catch (error) {
        if (!wasCut(error)) throw error;
        // Whether the batch was written is unknown: only the checkpoint can tell.
        own = undefined;
      }
    }
    await this.#store.close();
    await this.#pool.end();
  }

  async #advanceOnce(own: Build): Promise<Build | undefined> {
    const { dice, notes } = this.parts;
    const filter = dice.oneIn(2) ? { filter: { types: ['InterleavedHappened'] } } : {};
    const page = await this.#store.readAll({ after: own.position, limit: 1 + dice.below(4), ...filter });
    const { events, scannedTo } = page;
    notes.pages.push({ after: own.position, scannedTo, positions: events.map(({ position }) => position) });
    if (scannedTo === own.position) return own;
    if (await this.#writer.write(own, { events, upTo: scannedTo })) return { ...own, position: scannedTo };
    notes.superseded += 1;
    return undefined;
  }
}

export const ownerConnections = 'interleave owner';

/** The server ended the connection, or the driver found it ended. */
function wasCut(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  if (error instanceof pg.DatabaseError) return error.code?.startsWith('57P') === true;
  return error instanceof Error && error.message.startsWith('Connection terminated');
}

/** The same pool, except that each query asks for a turn. */
function turning(pool: pg.Pool, turn: Turn): pg.Pool {
  return new Proxy(pool, {
    get: (target, property): unknown => {
      if (property !== 'query') return Reflect.get(target, property);
      return async (...given: unknown[]): Promise<unknown> => {
        await turn();
        const answer: unknown = Reflect.apply(target.query, target, given);
        return answer;
      };
    },
  });
}
