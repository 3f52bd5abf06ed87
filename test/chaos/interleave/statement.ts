/**
 * The few things a store and its readers do to a database, as data, so that one protocol runs on two databases: a model in
 * memory that is fast and repeatable, and PostgreSQL, which is the truth.
 *
 * A protocol is a generator: it yields a statement and is resumed with the answer. Between any two statements, anybody else
 * may run. That is all the concurrency there is, so a schedule is a list of whose turn it was.
 */
export type Statement =
  | { readonly do: 'begin'; readonly snapshot: 'per statement' | 'one for all' }
  | { readonly do: 'commit' }
  | { readonly do: 'rollback' }
  /** An exclusive advisory lock, until the transaction ends, or until `unlock` when the session holds it. */
  | { readonly do: 'lock'; readonly until: 'transaction end' | 'unlock' }
  | { readonly do: 'unlock' }
  /** Any write before the append: it is what gives a transaction its id. */
  | { readonly do: 'touch' }
  /** A shared advisory lock that carries the sequence's value, for readers to see who is still under way. */
  | { readonly do: 'announce' }
  /** The position up to which nobody is under way any more, by what writers announced. */
  | { readonly do: 'fence' }
  | { readonly do: 'draw position' }
  | { readonly do: 'head' }
  | { readonly do: 'version'; readonly stream: string }
  | { readonly do: 'insert'; readonly event: NewEvent }
  | { readonly do: 'recall'; readonly command: string }
  | { readonly do: 'remember'; readonly command: string }
  | { readonly do: 'page'; readonly after: number; readonly limit: number; readonly order: PageOrder }
  /** Makes the asker the owner of the checkpoint, whoever had it. */
  | { readonly do: 'claim' }
  | { readonly do: 'apply'; readonly events: readonly LoggedEvent[] }
  | { readonly do: 'save checkpoint'; readonly position: number; readonly only: CheckpointGuard }
  /** Not sent to the database: the caller is told that the command was carried out. */
  | { readonly do: 'acknowledge'; readonly command: string };

export interface NewEvent {
  readonly uid: string;
  readonly command: string;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  /** What the command was decided on. */
  readonly expected: number;
}

export type LoggedEvent = Pick<NewEvent, 'uid' | 'stream' | 'version' | 'position'>;

export type PageOrder =
  | 'position'
  /** By transaction id, hiding what is not older than every running transaction; the cursor is the last position seen. */
  | 'transaction, cursor on position'
  | 'transaction, cursor on both';

/** Under which condition a checkpoint may be overwritten. */
export type CheckpointGuard = 'always' | { readonly epoch: number; readonly position: number };

export interface Checkpoint {
  readonly position: number;
  readonly epoch: number;
}

export type Answer =
  | { readonly is: 'done' }
  | { readonly is: 'number'; readonly number: number }
  | { readonly is: 'yes or no'; readonly yes: boolean }
  | { readonly is: 'events'; readonly events: readonly LoggedEvent[] }
  | { readonly is: 'checkpoint'; readonly checkpoint: Checkpoint }
  /** A unique index objected; the transaction can only be rolled back. */
  | { readonly is: 'duplicate' };

export const done: Answer = { is: 'done' };

/** A part of a protocol. */
export type Steps<Result = void> = Generator<Statement, Result, Answer>;

export function* numberOf(statement: Statement): Steps<number> {
  const answer = yield statement;
  if (answer.is !== 'number') throw new UnexpectedAnswer(statement, answer);
  return answer.number;
}

export function* yesOrNo(statement: Statement): Steps<boolean> {
  const answer = yield statement;
  if (answer.is !== 'yes or no') throw new UnexpectedAnswer(statement, answer);
  return answer.yes;
}

export function* eventsOf(statement: Statement): Steps<readonly LoggedEvent[]> {
  const answer = yield statement;
  if (answer.is !== 'events') throw new UnexpectedAnswer(statement, answer);
  return answer.events;
}

export function* checkpointOf(statement: Statement): Steps<Checkpoint> {
  const answer = yield statement;
  if (answer.is !== 'checkpoint') throw new UnexpectedAnswer(statement, answer);
  return answer.checkpoint;
}

/** False when a unique index objected. */
export function* accepted(statement: Statement): Steps<boolean> {
  const answer = yield statement;
  if (answer.is !== 'done' && answer.is !== 'duplicate') throw new UnexpectedAnswer(statement, answer);
  return answer.is === 'done';
}

class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
  constructor(statement: Statement, answer: Answer) {
    super(`${statement.do} was answered with ${answer.is}.`);
  }
}
