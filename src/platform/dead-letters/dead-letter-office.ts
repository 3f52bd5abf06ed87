import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import {
  DeadLetters as LettersOfProjections,
  type DeadLetter as LetterOfProjection,
  type Decision,
  type LetterOutcome,
  type LetterState,
} from '../projecting/dead-letters.js';
import {
  DeadLetters as LettersOfProcesses,
  type DeadLetter as LetterOfProcess,
  type SkippedEvent,
} from '../reacting/dead-letters.js';

/**
 * Every event that a projection or a process could not take, in one list, for the person who has to decide about it.
 *
 * The id of a projection's letter is a number. That of a process is `name:position`.
 */
@Injectable()
export class DeadLetterOffice {
  private readonly projections: LettersOfProjections;
  private readonly processes: LettersOfProcesses;

  constructor(@Inject(Database) database: Pick<Database, 'pool'>) {
    this.projections = new LettersOfProjections(database);
    this.processes = new LettersOfProcesses(database);
  }

  /** Unresolved ones, by name and position, unless a state is asked for. */
  async list({ name, state }: LetterQuery = {}): Promise<readonly Letter[]> {
    const ofProjections = await this.projections.list(name, state);
    return [...ofProjections.map(projectionLetter), ...(await this.ofProcesses(name, state))];
  }

  async find(id: string): Promise<Letter | undefined> {
    const process = processLetterId(id);
    if (process === undefined) {
      const letter = isProjectionLetterId(id) ? await this.projections.find(id) : undefined;
      return letter && projectionLetter(letter);
    }
    const letter = await this.processes.find(process.name, process.position);
    if (letter !== undefined) return processLetter(letter);
    const skipped = await this.processes.skipped(process.name);
    return skipped.filter(({ position }) => position === process.position).map(skippedLetter)[0];
  }

  /** Whoever runs it makes the attempt; this waits for what becomes of it. */
  async retry(id: string, waitMs: number): Promise<LetterOutcome> {
    const process = processLetterId(id);
    if (process === undefined) return isProjectionLetterId(id) ? this.projections.retry(id, waitMs) : 'unknown';
    const asked = await this.processes.retry(process.name, process.position);
    return asked ? this.attempted(process, waitMs) : this.notAsked(id);
  }

  async skip(id: string, decision: Decision, waitMs: number): Promise<LetterOutcome> {
    const process = processLetterId(id);
    if (process === undefined) {
      return isProjectionLetterId(id) ? this.projections.skip(id, decision, waitMs) : 'unknown';
    }
    const skipped = await this.processes.skip(process.name, process.position, decision);
    return skipped ? 'skipped' : this.notAsked(id);
  }

  private async attempted({ name, position }: ProcessLetterId, waitMs: number): Promise<LetterOutcome> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const letter = await this.processes.find(name, position);
      if (letter === undefined) return 'resolved';
      if (letter.state === 'poisoned') return 'failed-again';
      if (performance.now() >= deadline) return 'not-yet-tried';
      await sleep(pollMs);
    }
  }

  private async notAsked(id: string): Promise<LetterOutcome> {
    const letter = await this.find(id);
    if (letter === undefined) return 'unknown';
    return letter.state === 'skipped' ? 'skipped' : 'waits-behind-another';
  }

  private async ofProcesses(name?: string, state?: LetterState): Promise<readonly Letter[]> {
    if (state === 'skipped') return (await this.processes.skipped(name)).map(skippedLetter);
    const letters = await this.processes.list(name);
    return letters.filter((letter) => state === undefined || letter.state === state).map(processLetter);
  }
}

export interface LetterQuery {
  /** Of a projection or a process. */
  readonly name?: string | undefined;
  readonly state?: LetterState | undefined;
}

/** Of a projection or of a process, and as JSON can say it. */
export interface Letter {
  readonly id: string;
  readonly of: 'projection' | 'process';
  readonly name: string;
  readonly state: LetterState;
  readonly position: number;
  readonly event_id: string;
  readonly stream: string;
  /** What orders the events that wait behind it: the projection's key, or the stream. */
  readonly key: string;
  readonly type: string;
  readonly error: string | null;
  readonly message: string | null;
  readonly attempts: number;
  readonly behind: number;
  readonly first_at: string | null;
  readonly last_at: string | null;
  readonly skipped: { readonly by: string; readonly reason: string; readonly at: string } | null;
}

const pollMs = 50;

interface ProcessLetterId {
  readonly name: string;
  readonly position: bigint;
}

function processLetterId(id: string): ProcessLetterId | undefined {
  const [, name, position] = /^(.+):(\d{1,18})$/.exec(id) ?? [];
  return name === undefined || position === undefined ? undefined : { name, position: BigInt(position) };
}

function isProjectionLetterId(id: string): boolean {
  return /^\d{1,18}$/.test(id);
}

function projectionLetter(letter: LetterOfProjection): Letter {
  const { skipBy: by, skipReason: reason, skippedAt } = letter;
  const skipped =
    by === null || reason === null || skippedAt === null ? null : { by, reason, at: skippedAt.toISOString() };
  const { id, projection: name, key } = letter;
  return {
    id,
    of: 'projection',
    name,
    ...aboutEvent(letter),
    ...aboutAttempts(letter),
    state: letter.state,
    key,
    skipped,
  };
}

function processLetter(letter: LetterOfProcess): Letter {
  const { process: name, position, stream: key, state } = letter;
  const id = `${name}:${String(position)}`;
  return { id, of: 'process', name, ...aboutEvent(letter), ...aboutAttempts(letter), state, key, skipped: null };
}

function skippedLetter(event: SkippedEvent): Letter {
  const { process: name, position, stream: key, skippedBy: by, reason, skippedAt } = event;
  const attempts = { attempts: 0, behind: 0, first_at: null, last_at: null };
  const skipped = { by, reason, at: skippedAt.toISOString() };
  const id = `${name}:${String(position)}`;
  return { id, of: 'process', name, state: 'skipped', ...aboutEvent(event), key, ...attempts, skipped };
}

function aboutEvent(letter: SkippedEvent | LetterOfProcess | LetterOfProjection) {
  const { position, eventId: event_id, stream, type, error, message } = letter;
  return { position: Number(position), event_id, stream, type, error, message };
}

function aboutAttempts({ attempts, behind, firstAt, lastAt }: LetterOfProcess | LetterOfProjection) {
  return { attempts, behind, first_at: firstAt.toISOString(), last_at: lastAt.toISOString() };
}
