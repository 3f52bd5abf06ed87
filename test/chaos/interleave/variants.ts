import {
  comparedDelivery,
  giveUp,
  lockedAppend,
  ours,
  type AppendOrder,
  type AppendOutcome,
  type Delivered,
  type Owner,
  type Protocol,
} from './protocol.js';
import { accepted, eventsOf, numberOf, yesOrNo, type LoggedEvent, type PageOrder, type Steps } from './statement.js';

/**
 * Weaker protocols, each one decision away from a sound one, most of them found in published event stores. The checker is only
 * worth something if it catches every one.
 */
const noUniquePositions = { positions: false, versions: true };
const plain = { ...ours, gapless: false };

/** What a stream's next version and the log's next position are, is looked up without keeping others out meanwhile. */
function* unlockedAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  const head = yield* numberOf({ do: 'head' });
  for (const [nth, uid] of uids.entries()) {
    const event = { uid, command, stream, expected, version: expected + nth + 1, position: head + nth + 1 };
    if (!(yield* accepted({ do: 'insert', event }))) return yield* giveUp('conflict');
  }
  return yield* rememberAndCommit(command);
}

/** Positions come from a sequence, whose order is that of drawing, not that of committing. */
function* sequenceAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  return yield* drawAndInsert({ command, stream, expected, uids });
}

/** A sequence, and an announcement of where it stood before. */
function* announcedAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  yield { do: 'announce' };
  return yield* drawAndInsert({ command, stream, expected, uids });
}

/** Something else is written first, which gives the transaction an early id; then events go to whatever version there is. */
function* lateAppend({ command, stream, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  yield { do: 'touch' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  const expected = yield* numberOf({ do: 'version', stream });
  return yield* drawAndInsert({ command, stream, expected, uids });
}

/** The right checks under the right lock, but the lock is gone before the commit. */
function* hastyAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  yield { do: 'lock', until: 'unlock' };
  const known = yield* yesOrNo({ do: 'recall', command });
  const version = yield* numberOf({ do: 'version', stream });
  const inserted = !known && version === expected && (yield* insertDrawn({ command, stream, expected, uids }));
  if (!inserted) {
    // A transaction that an index has failed takes no statement but its end.
    const outcome = yield* giveUp(known ? 'repeated' : 'conflict');
    yield { do: 'unlock' };
    return outcome;
  }
  yield { do: 'unlock' };
  return yield* rememberAndCommit(command);
}

/** The version is checked before the lock is held, so on a state that may be over. */
function* earlyCheckAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  yield { do: 'lock', until: 'transaction end' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  const version = yield* numberOf({ do: 'version', stream });
  const head = yield* numberOf({ do: 'head' });
  for (const [nth, uid] of uids.entries()) {
    const event = { uid, command, stream, expected, version: version + nth + 1, position: head + nth + 1 };
    if (!(yield* accepted({ do: 'insert', event }))) return yield* giveUp('conflict');
  }
  return yield* rememberAndCommit(command);
}

/** The command is remembered after the append was committed. */
function* forgetfulAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  yield { do: 'lock', until: 'transaction end' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  const head = yield* numberOf({ do: 'head' });
  for (const [nth, uid] of uids.entries()) {
    const event = { uid, command, stream, expected, version: expected + nth + 1, position: head + nth + 1 };
    if (!(yield* accepted({ do: 'insert', event }))) return yield* giveUp('conflict');
  }
  yield { do: 'commit' };
  yield { do: 'remember', command };
  return 'committed';
}

function* insertDrawn({ command, stream, expected, uids }: AppendOrder): Steps<boolean> {
  for (const [nth, uid] of uids.entries()) {
    const position = yield* numberOf({ do: 'draw position' });
    const event = { uid, command, stream, expected, version: expected + nth + 1, position };
    if (!(yield* accepted({ do: 'insert', event }))) return false;
  }
  return true;
}

function* drawAndInsert(order: AppendOrder): Steps<AppendOutcome> {
  if (!(yield* insertDrawn(order))) return yield* giveUp('conflict');
  return yield* rememberAndCommit(order.command);
}

function* rememberAndCommit(command: string): Steps<AppendOutcome> {
  if (!(yield* accepted({ do: 'remember', command }))) return yield* giveUp('conflict');
  yield { do: 'commit' };
  return 'committed';
}

/** Rows and a compared checkpoint in one transaction, as ours; what differs is how the events were read. */
function* write(owner: Owner, events: readonly LoggedEvent[]): Steps<Delivered> {
  const last = events.at(-1);
  if (last === undefined) return 'nothing';
  yield { do: 'begin', snapshot: 'per statement' };
  const only = { epoch: owner.epoch, position: owner.cursor };
  if (!(yield* yesOrNo({ do: 'save checkpoint', position: last.position, only }))) {
    yield { do: 'rollback' };
    return 'superseded';
  }
  yield { do: 'apply', events };
  yield { do: 'commit' };
  owner.cursor = last.position;
  return 'something';
}

const upTo = (events: readonly LoggedEvent[], fence: number): readonly LoggedEvent[] =>
  events.filter(({ position }) => position <= fence);

function ordered(order: PageOrder) {
  return function* (owner: Owner, limit: number): Steps<Delivered> {
    return yield* write(owner, yield* eventsOf({ do: 'page', after: owner.cursor, limit, order }));
  };
}

function* fenceFirst(owner: Owner, limit: number): Steps<Delivered> {
  const fence = yield* numberOf({ do: 'fence' });
  return yield* write(
    owner,
    upTo(yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' }), fence),
  );
}

function* fenceAfter(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  return yield* write(owner, upTo(events, yield* numberOf({ do: 'fence' })));
}

/** One statement that reads and asks for the fence sees the log as it was when it began, and the locks as they are later. */
function* fenceInside(owner: Owner, limit: number): Steps<Delivered> {
  yield { do: 'begin', snapshot: 'one for all' };
  yield { do: 'head' };
  const fence = yield* numberOf({ do: 'fence' });
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  yield { do: 'commit' };
  return yield* write(owner, upTo(events, fence));
}

/** Waits a while at a gap, then takes whoever was to fill it for dead. */
function* impatient(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  const gap = events.findIndex(({ position }, nth) => position !== owner.cursor + nth + 1);
  owner.patience = gap < 0 ? 0 : owner.patience + 1;
  return yield* write(owner, gap < 0 || owner.patience > 3 ? events : events.slice(0, gap));
}

function* rowsThenCheckpoint(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  const last = events.at(-1);
  if (last === undefined) return 'nothing';
  yield { do: 'apply', events };
  const only = { epoch: owner.epoch, position: owner.cursor };
  if (!(yield* yesOrNo({ do: 'save checkpoint', position: last.position, only }))) return 'superseded';
  owner.cursor = last.position;
  return 'something';
}

function* checkpointThenRows(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  const last = events.at(-1);
  if (last === undefined) return 'nothing';
  const only = { epoch: owner.epoch, position: owner.cursor };
  if (!(yield* yesOrNo({ do: 'save checkpoint', position: last.position, only }))) return 'superseded';
  yield { do: 'apply', events };
  owner.cursor = last.position;
  return 'something';
}

/** In one transaction, but whoever owns the checkpoint by now is not asked. */
function* unguarded(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
  const last = events.at(-1);
  if (last === undefined) return 'nothing';
  yield { do: 'begin', snapshot: 'per statement' };
  yield { do: 'apply', events };
  yield { do: 'save checkpoint', position: last.position, only: 'always' };
  yield { do: 'commit' };
  owner.cursor = last.position;
  return 'something';
}

const byPosition = comparedDelivery;
const byTransaction = ordered('transaction, cursor on position');
const byBoth = ordered('transaction, cursor on both');

export const variants: readonly Protocol[] = [
  { ...plain, name: 'no lock', unique: noUniquePositions, append: unlockedAppend },
  { ...plain, name: 'sequence positions', append: sequenceAppend, deliver: byPosition },
  { ...plain, name: 'order by transaction id, cursor on position', append: sequenceAppend, deliver: byTransaction },
  { ...plain, name: 'order by transaction id, cursor on both', append: lateAppend, deliver: byBoth },
  { ...plain, name: 'fence after read', append: announcedAppend, deliver: fenceAfter },
  { ...plain, name: 'fence in the reading statement', append: announcedAppend, deliver: fenceInside },
  { ...plain, name: 'gap stepped over after a while', append: sequenceAppend, deliver: impatient },
  { ...plain, name: 'lock released before commit', append: hastyAppend },
  { ...plain, name: 'version checked before the lock', append: earlyCheckAppend },
  { ...plain, name: 'command ledger outside the transaction', append: forgetfulAppend },
  { ...plain, name: 'checkpoint outside the transaction', append: lockedAppend, deliver: rowsThenCheckpoint },
  { ...plain, name: 'checkpoint before the rows', append: lockedAppend, deliver: checkpointThenRows },
  { ...plain, name: 'take-over without an epoch', append: lockedAppend, deliver: unguarded },
];

/** Another sound design, so that a checker that objects to everything is found out. */
export const controls: readonly Protocol[] = [
  { ...plain, name: 'fence before read', append: announcedAppend, deliver: fenceFirst },
];
