import type { Deadline } from './deadlines.js';

/** Where the outcomes of reactions and deadlines are logged and counted. */
export abstract class ReactingObserver {
  abstract reactionDone(done: ReactionDone): void;
  /** The event is set aside; later ones of its stream wait behind it. */
  abstract deadLettered(letter: ReactionFailed): void;
  abstract deadlineFired(
    fired: Pick<Deadline, 'process' | 'category' | 'dueAt'> & { readonly outcome: 'done' | 'refused' },
  ): void;
  abstract deadlineFailed(
    failed: Pick<Deadline, 'process' | 'category' | 'attempts'> & { readonly error: unknown },
  ): void;
  /** Something that is tried again and concerns no event in particular. */
  abstract troubled(trouble: { readonly part: string; readonly error: unknown }): void;
}

export interface ReactionDone {
  readonly process: string;
  readonly type: string;
  readonly outcome: 'done' | 'failed';
  readonly attempt: number;
  readonly position: bigint;
  readonly correlationId: string;
  readonly error?: unknown;
}

export interface ReactionFailed {
  readonly process: string;
  readonly type: string;
  readonly stream: string;
  readonly position: bigint;
  readonly attempts: number;
  readonly error: unknown;
}
