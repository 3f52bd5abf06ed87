import { beforeAll, Transaction, type ModelSession, type Stored } from './model-transaction.js';
import {
  done,
  type Answer,
  type Checkpoint,
  type CheckpointGuard,
  type LoggedEvent,
  type NewEvent,
  type PageOrder,
  type Statement,
} from './statement.js';

/**
 * As much of PostgreSQL as an event store leans on: snapshots, locks, unique indexes that wait for whoever holds the key,
 * sequences that never roll back, transaction ids that are given at the first write.
 *
 * Every schedule that runs on PostgreSQL runs here first, and each answer and each wait must be the same. That is what makes
 * the many more schedules that run only here worth something.
 */
export class ModelDatabase {
  #commits = 0;
  #transactionIds = 0;
  #sequence = 0;
  #locked: ModelSession | undefined;
  #waiting: { readonly session: ModelSession; readonly statement: Statement; readonly wants: string }[] = [];
  readonly #open = new Set<Transaction>();
  readonly #announced = new Map<Transaction, number>();
  readonly #events: Stored<NewEvent>[] = [];
  readonly #commands: Stored<{ readonly command: string }>[] = [];
  readonly #applied: Stored<LoggedEvent>[] = [];
  #checkpoint: Stored<Checkpoint> = { row: { position: 0, epoch: 0 }, by: beforeAll };
  #checkpointBefore: Checkpoint = { position: 0, epoch: 0 };

  /** Who gets what depends on PostgreSQL's luck, not on the order of turns: such a schedule can't be repeated step by step. */
  racy = false;

  constructor(readonly unique: { readonly positions: boolean; readonly versions: boolean }) {}

  /** The answer, or 'waits': then a later turn of somebody else brings it, among the `released`. */
  execute(session: ModelSession, statement: Statement): Turned {
    const answer = this.#attempt(session, statement);
    if (typeof answer === 'string') {
      // With two waiting for one key, the order in which PostgreSQL wakes them decides, and it promises none.
      this.racy ||= answer !== 'lock' && this.#waiting.some(({ wants }) => wants === answer);
      this.#waiting.push({ session, statement, wants: answer });
      return { answer: 'waits', released: [] };
    }
    return { answer, released: this.#release() };
  }

  /** The connection is gone: what it had open never happened. */
  crash(session: ModelSession): readonly Released[] {
    this.#waiting = this.#waiting.filter((waiting) => waiting.session !== session);
    if (session.transaction !== undefined) this.#end(session, session.transaction, 'aborted');
    if (this.#locked === session) this.#locked = undefined;
    return this.#release();
  }

  log(): readonly NewEvent[] {
    return this.#events
      .filter(({ by }) => by.state === 'committed')
      .sort((a, b) => a.by.committedAt - b.by.committedAt)
      .map(({ row }) => row);
  }

  applied(): readonly LoggedEvent[] {
    return this.#applied.filter(({ by }) => by.state === 'committed').map(({ row }) => row);
  }

  #release(): readonly Released[] {
    const released: Released[] = [];
    for (let next = 0; next < this.#waiting.length; next += 1) {
      const waiting = this.#waiting[next];
      if (waiting === undefined) break;
      const answer = this.#attempt(waiting.session, waiting.statement);
      if (typeof answer === 'string') continue;
      this.#waiting.splice(next, 1);
      released.push({ session: waiting.session, answer });
      next = -1;
    }
    return released;
  }

  /** The answer, or the name of what has to be waited for. */
  #attempt(session: ModelSession, statement: Statement): Answer | string {
    if (session.transaction !== undefined) return this.#inside(session, session.transaction, statement);
    if (statement.do === 'begin') {
      session.transaction = new Transaction(statement.snapshot);
      this.#open.add(session.transaction);
      return done;
    }
    // Outside a transaction each statement is one of its own. A wait starts it afresh, which only autocommitted claims do.
    const alone = new Transaction('per statement');
    this.#open.add(alone);
    const answer = this.#inside(session, alone, statement);
    this.#end(session, alone, typeof answer === 'string' ? 'aborted' : 'committed');
    return answer;
  }

  #inside(session: ModelSession, transaction: Transaction, statement: Statement): Answer | string {
    const snapshot = transaction.snapshotAt(this.#commits);
    const visible = ({ by }: Stored<unknown>): boolean =>
      by === transaction || (by.state === 'committed' && by.committedAt <= snapshot);
    switch (statement.do) {
      case 'begin':
      case 'acknowledge':
        throw new Error(`${statement.do} inside a transaction.`);
      case 'commit':
      case 'rollback':
        this.#end(session, transaction, statement.do === 'commit' ? 'committed' : 'aborted');
        return done;
      case 'lock':
        if (this.#locked !== undefined && this.#locked !== session) return 'lock';
        this.#locked = session;
        session.keepsLock = statement.until === 'unlock';
        return done;
      case 'unlock':
        this.#locked = undefined;
        session.keepsLock = false;
        return done;
      case 'touch':
        this.#identify(transaction);
        return done;
      case 'announce':
        this.#announced.set(transaction, this.#sequence);
        return done;
      case 'fence':
        return { is: 'number', number: Math.min(this.#sequence, ...this.#announced.values()) };
      case 'draw position':
        this.#identify(transaction);
        this.#sequence += 1;
        return { is: 'number', number: this.#sequence };
      case 'head':
        return greatest(this.#events.filter(visible).map(({ row }) => row.position));
      case 'version':
        return greatest(
          this.#events
            .filter((event) => visible(event) && event.row.stream === statement.stream)
            .map(({ row }) => row.version),
        );
      case 'insert':
        return this.#insert(transaction, statement.event);
      case 'recall':
        return {
          is: 'yes or no',
          yes: this.#commands.some((row) => visible(row) && row.row.command === statement.command),
        };
      case 'remember':
        return this.#remember(transaction, statement.command);
      case 'page':
        return { is: 'events', events: this.#page(this.#events.filter(visible), statement) };
      case 'claim': {
        const { position, epoch } = this.#checkpointFor(transaction);
        return this.#overwrite(transaction, { position, epoch: epoch + 1 }, 'always');
      }
      case 'save checkpoint': {
        const { epoch } = this.#checkpointFor(transaction);
        const answer = this.#overwrite(transaction, { position: statement.position, epoch }, statement.only);
        return typeof answer === 'string' || answer.is === 'yes or no' ? answer : { is: 'yes or no', yes: true };
      }
      case 'apply':
        this.#identify(transaction);
        this.#applied.push(...statement.events.map((row) => ({ row, by: transaction })));
        return done;
    }
  }

  #insert(transaction: Transaction, event: NewEvent): Answer | string {
    const indexes = [
      {
        on: this.unique.positions,
        key: `position ${String(event.position)}`,
        same: (row: NewEvent) => row.position === event.position,
      },
      {
        on: this.unique.versions,
        key: `version ${event.stream} ${String(event.version)}`,
        same: (row: NewEvent) => row.stream === event.stream && row.version === event.version,
      },
    ];
    this.#identify(transaction);
    for (const { on, key, same } of indexes) {
      if (!on) continue;
      const held = this.#events.find(({ row, by }) => by.state !== 'aborted' && same(row));
      if (held !== undefined) return held.by.state === 'open' && held.by !== transaction ? key : { is: 'duplicate' };
    }
    this.#events.push({ row: event, by: transaction });
    return done;
  }

  #remember(transaction: Transaction, command: string): Answer | string {
    this.#identify(transaction);
    const held = this.#commands.find(({ row, by }) => by.state !== 'aborted' && row.command === command);
    if (held !== undefined)
      return held.by.state === 'open' && held.by !== transaction ? `command ${command}` : { is: 'duplicate' };
    this.#commands.push({ row: { command }, by: transaction });
    return done;
  }

  /** The guard is first held against what is committed; only a row that passes is worth waiting for, and is looked at again. */
  #overwrite(transaction: Transaction, row: Checkpoint, only: CheckpointGuard): Answer | string {
    const seen = this.#checkpointFor(transaction);
    if (only !== 'always' && (seen.epoch !== only.epoch || seen.position !== only.position))
      return { is: 'yes or no', yes: false };
    if (this.#checkpoint.by.state === 'open' && this.#checkpoint.by !== transaction) return 'checkpoint';
    this.#identify(transaction);
    this.#checkpointBefore = seen;
    this.#checkpoint = { row, by: transaction };
    return { is: 'checkpoint', checkpoint: row };
  }

  #checkpointFor(transaction: Transaction): Checkpoint {
    const { row, by } = this.#checkpoint;
    return by === transaction || by.state === 'committed' ? row : this.#checkpointBefore;
  }

  #page(
    rows: readonly Stored<NewEvent>[],
    { after, limit, order }: { after: number; limit: number; order: PageOrder },
  ): LoggedEvent[] {
    const horizon = Math.min(
      this.#transactionIds + 1,
      ...[...this.#open].map(({ id }) => id ?? Number.POSITIVE_INFINITY),
    );
    const cursor = rows.find(({ row }) => row.position === after)?.by.id ?? 0;
    const byTransaction = (a: Stored<NewEvent>, b: Stored<NewEvent>): number => (a.by.id ?? 0) - (b.by.id ?? 0);
    const byPosition = (a: Stored<NewEvent>, b: Stored<NewEvent>): number => a.row.position - b.row.position;
    const wanted = rows.filter(({ row, by }) => {
      const id = by.id ?? 0;
      if (order === 'position') return row.position > after;
      if (id >= horizon) return false;
      return order === 'transaction, cursor on position'
        ? row.position > after
        : id > cursor || (id === cursor && row.position > after);
    });
    wanted.sort(order === 'position' ? byPosition : (a, b) => byTransaction(a, b) || byPosition(a, b));
    return wanted
      .slice(0, limit)
      .map(({ row: { uid, stream, version, position } }) => ({ uid, stream, version, position }));
  }

  #identify(transaction: Transaction): void {
    if (transaction.id !== undefined) return;
    this.#transactionIds += 1;
    transaction.id = this.#transactionIds;
  }

  #end(session: ModelSession, transaction: Transaction, state: 'committed' | 'aborted'): void {
    transaction.state = state;
    if (state === 'committed') {
      this.#commits += 1;
      transaction.committedAt = this.#commits;
    } else if (this.#checkpoint.by === transaction) {
      this.#checkpoint = { row: this.#checkpointBefore, by: beforeAll };
    }
    this.#open.delete(transaction);
    this.#announced.delete(transaction);
    if (session.transaction === transaction) session.transaction = undefined;
    if (this.#locked === session && !session.keepsLock) this.#locked = undefined;
  }
}

export interface Turned {
  readonly answer: Answer | 'waits';
  readonly released: readonly Released[];
}

export interface Released {
  readonly session: ModelSession;
  readonly answer: Answer;
}

/** 0 for none. */
function greatest(values: readonly number[]): Answer {
  return { is: 'number', number: Math.max(0, ...values) };
}
