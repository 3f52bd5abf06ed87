import { accepted, checkpointOf, eventsOf, numberOf, yesOrNo, type Steps } from './statement.js';

/**
 * A way to append, and a way to read and keep track: what is put under test. `ours` is what the event store and the projection
 * engine do, spelled out step by step; `variants.ts` weakens it one decision at a time.
 */
export interface Protocol {
  readonly name: string;
  /** What the log itself guarantees beyond what a reader sees: positions without gaps, in the order of commits. */
  readonly gapless: boolean;
  /** Whether two events may not have the same position, or the same version of a stream. */
  readonly unique: { readonly positions: boolean; readonly versions: boolean };
  append(order: AppendOrder): Steps<AppendOutcome>;
  deliver(owner: Owner, limit: number): Steps<Delivered>;
}

export interface AppendOrder {
  readonly command: string;
  readonly stream: string;
  readonly expected: number;
  readonly uids: readonly string[];
}

export type AppendOutcome = 'committed' | 'repeated' | 'conflict';

/** Who advances the read model, and how far they believe to be. */
export interface Owner {
  readonly epoch: number;
  cursor: number;
  /** Readers that tolerate gaps count how often they have looked at one. */
  patience: number;
}

export type Delivered = 'something' | 'nothing' | 'superseded';

/** Several attempts at one command, as the command handler makes them: reload, decide, append. */
export function* carryOut(
  protocol: Protocol,
  wish: { command: string; stream: string; uids: readonly string[] },
): Steps {
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    const expected = yield* numberOf({ do: 'version', stream: wish.stream });
    const outcome = yield* protocol.append({ ...wish, expected });
    if (outcome === 'conflict') continue;
    yield { do: 'acknowledge', command: wish.command };
    return;
  }
}

/** Takes the read model over and advances it. */
export function* own(protocol: Protocol, bounds: { batches: number; limit: number; untilQuiet: boolean }): Steps {
  const { epoch, position } = yield* checkpointOf({ do: 'claim' });
  const owner: Owner = { epoch, cursor: position, patience: 0 };
  for (let batch = 0; batch < bounds.batches; batch += 1) {
    const delivered = yield* protocol.deliver(owner, bounds.limit);
    if (delivered === 'superseded') return;
    if (delivered === 'nothing' && bounds.untilQuiet) return;
  }
}

export const ours: Protocol = {
  name: 'ours',
  gapless: true,
  unique: { positions: true, versions: true },
  append: lockedAppend,
  deliver: comparedDelivery,
};

/** One exclusive lock, then the checks, then the next positions, then the commit that lets the lock go. */
export function* lockedAppend({ command, stream, expected, uids }: AppendOrder): Steps<AppendOutcome> {
  yield { do: 'begin', snapshot: 'per statement' };
  yield { do: 'lock', until: 'transaction end' };
  if (yield* yesOrNo({ do: 'recall', command })) return yield* giveUp('repeated');
  if ((yield* numberOf({ do: 'version', stream })) !== expected) return yield* giveUp('conflict');
  const head = yield* numberOf({ do: 'head' });
  for (const [nth, uid] of uids.entries()) {
    const event = { uid, command, stream, expected, version: expected + nth + 1, position: head + nth + 1 };
    if (!(yield* accepted({ do: 'insert', event }))) return yield* giveUp('conflict');
  }
  if (!(yield* accepted({ do: 'remember', command }))) return yield* giveUp('conflict');
  yield { do: 'commit' };
  return 'committed';
}

export function* giveUp(outcome: AppendOutcome): Steps<AppendOutcome> {
  yield { do: 'rollback' };
  return outcome;
}

/** Rows and checkpoint in one transaction, the checkpoint only if it is still where this owner left it. */
export function* comparedDelivery(owner: Owner, limit: number): Steps<Delivered> {
  const events = yield* eventsOf({ do: 'page', after: owner.cursor, limit, order: 'position' });
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
