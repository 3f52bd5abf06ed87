import type pg from 'pg';
import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import { logPages } from '../event-store/log-pages.js';
import { BatchWriter } from '../projecting/batch-writer.js';
import { quoted } from '../projecting/ddl.js';
import { describeFailure, isDataError } from '../projecting/failure.js';
import { FoldFailed } from '../projecting/fold.js';
import type { Projection } from '../projecting/projection.js';
import { TravelRefused } from './refused.js';

/** A build for one question. Its maker is its only writer, so where it is need not be read. */
export class Scratch {
  private readonly writer: BatchWriter;
  private at = 0n;

  constructor(
    readonly pool: pg.Pool,
    readonly projection: Projection,
    private readonly place: { readonly build: string; readonly schema: string },
  ) {
    this.writer = new BatchWriter({ pool }, projection);
  }

  get schema(): string {
    return this.place.schema;
  }

  get position(): bigint {
    return this.at;
  }

  /** Folds the log up to a position. Asking for one that it is already behind does nothing. */
  async foldTo(upTo: bigint, { store, signal, onProgress }: Folding): Promise<void> {
    const types = Object.keys(this.projection.when);
    for await (const { events, scannedTo } of logPages(store, { after: this.at, to: upTo, types, signal })) {
      await this.take(events, scannedTo);
      onProgress?.({ position: scannedTo, upTo, events: events.length });
    }
  }

  /** Rejects with FoldStopped, naming the event, when one of them cannot be folded. */
  async take(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    try {
      await this.write(events, upTo);
    } catch (error) {
      if (error instanceof FoldFailed) throw new FoldStopped(this.projection, error.recorded, error.cause);
      const [first, second] = events;
      if (!isDataError(error) || first === undefined) throw error;
      if (second === undefined) throw new FoldStopped(this.projection, first, error);
      await this.takeHalves(events, upTo);
    }
  }

  /** Its rows and its place. Both have the same tables. */
  async takeOver(original: Scratch): Promise<void> {
    for (const { name, columns } of Object.values(this.projection.tables)) {
      const all = Object.keys(columns).map(quoted).join(', ');
      await this.pool.query(
        `insert into ${quoted(this.schema)}.${quoted(name)} (${all})
         select ${all} from ${quoted(original.schema)}.${quoted(name)}`,
      );
    }
    await this.write([], original.position);
  }

  /** PostgreSQL refuses a batch as a whole; whose fault it is, is found by halving. */
  private async takeHalves(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    const middle = events.length >> 1;
    await this.take(events.slice(0, middle), this.at);
    await this.take(events.slice(middle), upTo);
  }

  private async write(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    const build = { ...this.place, epoch: 0, position: this.at };
    if (!(await this.writer.write(build, { events, upTo }))) throw new ScratchGone(this.schema);
    this.at = upTo;
  }
}

export interface Folding {
  readonly store: EventStore;
  /** Looked at before each page. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: FoldProgress) => void) | undefined;
}

export interface FoldProgress {
  readonly position: bigint;
  readonly upTo: bigint;
  /** That were folded since the last time. */
  readonly events: number;
}

/** An event that its read model cannot take. The live one may have left it out as a dead letter; history leaves out nothing. */
class FoldStopped extends TravelRefused {
  override readonly name = 'FoldStopped';
  constructor({ name }: Projection, { position, event }: RecordedEvent, cause: unknown) {
    const { error, message } = describeFailure(cause, event);
    super(`${name} cannot take the event at position ${String(position)} (${event.type}): ${error}: ${message}`);
  }
}

/** Somebody else dropped it: only possible when the connection that kept it broke. */
class ScratchGone extends Error {
  override readonly name = 'ScratchGone';
  constructor(schema: string) {
    super(`The scratch build ${schema} was removed while it was used.`);
  }
}
