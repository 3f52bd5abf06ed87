import { z } from 'zod';
import { type Decision, type DecisionModel, refuse, type Refusal } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import type { Prompt } from './prompt.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';

/**
 * One stay of one person in one prompt, from joining until leaving.
 *
 * The stream is per stay, not per prompt, so a thousand people answering the same question never wait for each other. What a
 * crowd adds up to is the read models' job.
 *
 * States: `unopened` -> `opened` (a client holds the session, nothing happened yet) -> `joined` -> `left`.
 */

// Events. Stored for ever under these names. Each says which stay it belongs to and on which timeline it happened, so that no
// reader has to look elsewhere.

const stay = { promptUid: PromptUid, sessionUid: PromptSessionUid, userSub: UserSub };
const moment = {
  ...stay,
  eventUid: PromptEventUid,
  /** Seconds since this person entered the prompt, as their client counts them. */
  promptTime: z.number().nonnegative(),
  durationSeconds: DurationSeconds,
  createdAt: UnixSeconds,
};

export const promptSessionEvents = {
  /** The content is kept as it was shown, also if the prompt's words are revised later. */
  SessionOpened: event(
    z.object({ ...stay, content: PromptContent, durationSeconds: DurationSeconds, createdAt: UnixSeconds }),
  ),
  SessionJoined: event(z.object({ ...moment, name: z.string() })),
  PromptLiked: event(z.object(moment)),
  SessionLeft: event(z.object({ ...moment, name: z.string(), reason: z.enum(['left', 'expired']) })),
};

export type PromptSessionEvent = EventOf<typeof promptSessionEvents>;
/** What happens inside a stay, at a prompt time. */
export type PromptSessionMoment = Exclude<PromptSessionEvent, { readonly type: 'SessionOpened' }>;

// Commands.

/** What every command of a participant says. `prompt` is the prompt that was named, which need not be the session's own. */
export interface Participation {
  readonly promptUid: PromptUid;
  readonly prompt: Prompt;
  readonly userSub: UserSub;
  readonly eventUid: PromptEventUid;
  readonly promptTime: number;
  readonly at: UnixSeconds;
}

export type PromptSessionWish =
  | {
      readonly type: 'OpenSession';
      readonly sessionUid: PromptSessionUid;
      readonly userSub: UserSub;
      readonly prompt: Prompt;
      readonly at: UnixSeconds;
    }
  | ({ readonly type: 'JoinSession'; readonly name: string } & Participation)
  | ({ readonly type: 'LikePrompt' } & Participation)
  | ({ readonly type: 'LeaveSession'; readonly name: string } & Participation)
  | {
      readonly type: 'ExpireSession';
      readonly eventUid: PromptEventUid;
      readonly name: string;
      readonly at: UnixSeconds;
    };

type Wish<Type extends PromptSessionWish['type']> = Extract<PromptSessionWish, { readonly type: Type }>;

/** Named as clients read them. */
export type PromptSessionRefusal =
  | 'already_exists'
  | 'not_found'
  | 'impossible_prompt_time'
  | 'session_not_found'
  | 'session_already_started'
  | 'session_not_started'
  | 'session_already_ended'
  | 'session_has_later_event'
  | 'session_has_same_event_at_same_time';

type Decided = Decision<PromptSessionEvent, PromptSessionRefusal>;
type No = Refusal<PromptSessionRefusal>;

// State: only what the decisions below look at.

interface Stay {
  readonly promptUid: PromptUid;
  readonly sessionUid: PromptSessionUid;
  readonly userSub: UserSub;
  readonly durationSeconds: number;
}

interface Joined extends Stay {
  readonly phase: 'joined';
  /** The newest prompt time, and what happened at exactly that time. */
  readonly promptTime: number;
  readonly then: readonly PromptSessionMoment['type'][];
}

interface Unopened {
  readonly phase: 'unopened';
}

export type PromptSession =
  Unopened | ({ readonly phase: 'opened' } & Stay) | Joined | ({ readonly phase: 'left' } & Stay);

const initial: PromptSession = { phase: 'unopened' };

const evolve = (session: PromptSession, happened: PromptSessionEvent): PromptSession => {
  const { promptUid, sessionUid, userSub, durationSeconds } = happened;
  const stay: Stay = { promptUid, sessionUid, userSub, durationSeconds };
  switch (happened.type) {
    case 'SessionOpened':
      return { phase: 'opened', ...stay };
    case 'SessionJoined':
    case 'PromptLiked': {
      const { type, promptTime } = happened;
      const before = session.phase === 'joined' && session.promptTime === promptTime ? session.then : [];
      return { phase: 'joined', ...stay, promptTime, then: [...before, type] };
    }
    case 'SessionLeft':
      return { phase: 'left', ...stay };
  }
};

// Decisions.

const decide = (command: PromptSessionWish, session: PromptSession): Decided => {
  switch (command.type) {
    case 'OpenSession':
      return open(command, session);
    case 'JoinSession':
      return join(command, session);
    case 'LikePrompt': {
      const running = runningSession(command, session, 'PromptLiked');
      return 'refused' in running ? running : [{ type: 'PromptLiked', ...momentOf(running, command) }];
    }
    case 'LeaveSession': {
      const running = runningSession(command, session, 'SessionLeft');
      if ('refused' in running) return running;
      return [{ type: 'SessionLeft', ...momentOf(running, command), name: command.name, reason: 'left' }];
    }
    case 'ExpireSession': {
      // Whoever left in time is gone already, and whoever never joined has nothing to leave.
      if (session.phase !== 'joined') return [];
      const { eventUid, at, name } = command;
      const end = { eventUid, promptTime: session.durationSeconds, at };
      return [{ type: 'SessionLeft', ...momentOf(session, end), name, reason: 'expired' }];
    }
  }
};

function open({ sessionUid, userSub, prompt, at }: Wish<'OpenSession'>, session: PromptSession): Decided {
  if (session.phase !== 'unopened') return refuse('already_exists');
  if (prompt.phase !== 'usable') return refuse('not_found');
  const { promptUid, content, durationSeconds } = prompt;
  return [{ type: 'SessionOpened', promptUid, sessionUid, userSub, content, durationSeconds, createdAt: at }];
}

function join(command: Wish<'JoinSession'>, session: PromptSession): Decided {
  // Only joining looks for the prompt before it looks at the time.
  if (command.prompt.phase === 'missing') return refuse('not_found');
  const own = ownSession(command, session);
  if ('refused' in own) return own;
  if (own.phase !== 'opened') return refuse('session_already_started');
  return [{ type: 'SessionJoined', ...momentOf(own, command), name: command.name }];
}

// Clients rely on which of several mistakes is named: the order of all checks below is part of the contract.

function ownSession(command: Participation, session: PromptSession): Exclude<PromptSession, Unopened> | No {
  const { prompt, promptUid, userSub, promptTime } = command;
  // Written so that a time that is no number fails too.
  if (!(promptTime >= 0)) return refuse('impossible_prompt_time');
  if (prompt.phase === 'missing') return refuse('not_found');
  if (promptTime > prompt.durationSeconds) return refuse('impossible_prompt_time');
  if (session.phase === 'unopened') return refuse('session_not_found');
  // Another person's session is answered like a missing one.
  if (session.promptUid !== promptUid || session.userSub !== userSub) return refuse('session_not_found');
  return session;
}

function runningSession(
  command: Participation,
  session: PromptSession,
  leadsTo: PromptSessionMoment['type'],
): Joined | No {
  const own = ownSession(command, session);
  if ('refused' in own) return own;
  if (own.phase === 'opened') return refuse('session_not_started');
  if (own.phase === 'left') return refuse('session_already_ended');
  if (own.promptTime > command.promptTime) return refuse('session_has_later_event');
  const again = own.promptTime === command.promptTime && own.then.includes(leadsTo);
  return again ? refuse('session_has_same_event_at_same_time') : own;
}

function momentOf(stay: Stay, { eventUid, promptTime, at }: Pick<Participation, 'eventUid' | 'promptTime' | 'at'>) {
  const { promptUid, sessionUid, userSub, durationSeconds } = stay;
  return { promptUid, sessionUid, userSub, eventUid, promptTime, durationSeconds, createdAt: at };
}

export const promptSession: DecisionModel<
  PromptSession,
  PromptSessionWish,
  typeof promptSessionEvents,
  PromptSessionRefusal
> = { category: 'promptSession', events: promptSessionEvents, initial, evolve, decide };
