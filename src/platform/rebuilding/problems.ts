import { LogReplaced } from '../projecting/continuity.js';
import { ProjectionRefused } from '../projecting/projection-refused.js';
import { ExpectedDifferenceRefused } from '../proving/expected-differences.js';
import type { Task } from './task.js';

/** It cannot be taken back at all, or not by this program. */
export class RollbackImpossible extends Error {
  override readonly name = 'RollbackImpossible';
}

/** Why is in the row already: a problem, a pause or an abort. */
export class CutShort extends Error {
  override readonly name = 'CutShort';
  constructor(projection: string) {
    super(`${projection}: the new build did not come as far as the live one.`);
  }
}

/** What a person has to do something about goes into the row; everything else is tried again. */
export async function orSayWhy(task: Task, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const kinds = [ExpectedDifferenceRefused, RollbackImpossible, ProjectionRefused, LogReplaced];
    if (!(error instanceof Error) || !kinds.some((kind) => error instanceof kind)) throw error;
    await task.say({ problem: error.message, request: null });
  }
}
