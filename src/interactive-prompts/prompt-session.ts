import { z } from 'zod';
import { type Decision, type DecisionModel, refuse, type Refusal } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { type PromptEventUid, type PromptSessionUid, type PromptUid, UserSub } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import { nobodysName } from './display-name.js';
import { DurationSeconds, PromptContent, type PromptShape, shapeOf } from './prompt-content.js';
import {
  afterAnswer,
  answer,
  type Answering,
  answerLeadsTo,
  type AnswerRefusal,
  unanswered,
} from './prompt-session-answers.js';
import { answerEvents, moment, type Moment, SessionOrigin, stay } from './prompt-session-moments.js';
import type { At, Ending, Participation, PromptSessionWish } from './prompt-session-wishes.js';

/**
 * One stay of one person in one prompt, from joining until leaving.
 *
 * The stream is per stay, not per prompt, so a thousand people answering the same question never wait for each other. What a
 * crowd adds up to is the read models' job.
 *
 * States: `unopened` -> `opened` (a client holds the session, nothing happened yet) -> `joined` -> `left`; and from each but the
 * first, when the person wants to be forgotten, -> `erased`.
 */

// Events. Stored for ever under these names.

export const promptSessionEvents = {
  /** The content is kept as it was shown, also if the prompt's words are revised later. */
  SessionOpened: event(
    z.object({
      ...stay,
      content: PromptContent,
      durationSeconds: DurationSeconds,
      createdAt: UnixSeconds,
      origin: SessionOrigin,
    }),
  ),
  SessionJoined: event(z.object({ ...moment, name: z.string(), origin: SessionOrigin })),
  PromptLiked: event(z.object(moment)),
  ...answerEvents,
  SessionLeft: event(z.object({ ...moment, name: z.string(), reason: z.enum(['left', 'expired']) })),
  /** The stay is the one before the change. What happened until then was done by its owner of that time. */
  SessionOwnerChanged: event(z.object({ ...stay, newOwner: UserSub, at: UnixSeconds })),
  /** Always the last one. What the stay added to the crowd stays; whose it was is no longer shown. */
  SessionErased: event(z.object({ ...stay, at: UnixSeconds })),
};

export type PromptSessionEvent = EventOf<typeof promptSessionEvents>;
/** What happens inside a stay, at a prompt time. */
export type PromptSessionMoment = Extract<PromptSessionEvent, { readonly promptTime: number }>;

// Commands: the wishes of prompt-session-wishes.ts.

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
  | 'session_has_same_event_at_same_time'
  | AnswerRefusal;

/** What opening a session can be refused for. */
export type OpeningRefusal = Extract<PromptSessionRefusal, 'already_exists' | 'not_found'>;

type Decided = Decision<PromptSessionEvent, PromptSessionRefusal>;
type No = Refusal<PromptSessionRefusal>;

// State: only what the decisions below look at.

interface Stay {
  readonly promptUid: PromptUid;
  readonly sessionUid: PromptSessionUid;
  readonly userSub: UserSub;
  readonly durationSeconds: number;
}

interface Opened extends Stay {
  readonly phase: 'opened';
  readonly shape: PromptShape;
  readonly origin: SessionOrigin;
}

interface Joined extends Stay {
  readonly phase: 'joined';
  /** The newest prompt time, and what happened at exactly that time. */
  readonly promptTime: number;
  readonly then: readonly PromptSessionMoment['type'][];
  readonly answering: Answering;
}

type Left = { readonly phase: 'left' } & Stay;

export type PromptSession = { readonly phase: 'unopened' } | Opened | Joined | Left | { readonly phase: 'erased' };

const initial: PromptSession = { phase: 'unopened' };

const evolve = (session: PromptSession, happened: PromptSessionEvent): PromptSession => {
  if (happened.type === 'SessionOpened') {
    const { promptUid, sessionUid, userSub, durationSeconds, content, origin } = happened;
    return { phase: 'opened', promptUid, sessionUid, userSub, durationSeconds, shape: shapeOf(content), origin };
  }
  if (session.phase === 'unopened' || session.phase === 'erased') return session;
  switch (happened.type) {
    case 'SessionErased':
      return { phase: 'erased' };
    case 'SessionOwnerChanged':
      return { ...session, userSub: happened.newOwner };
    case 'SessionLeft':
      return { phase: 'left', ...stayOf(session) };
    case 'SessionJoined':
    case 'PromptLiked':
    case 'NumberAnswered':
    case 'ColorAnswered':
    case 'WordAnswered':
    case 'PressStarted':
    case 'PressEnded':
      return session.phase === 'left' ? session : afterMoment(session, happened);
  }
};

type Going = Exclude<PromptSessionMoment, { readonly type: 'SessionLeft' }>;

function afterMoment(session: Opened | Joined, happened: Going): Joined {
  const { type, promptTime } = happened;
  const before = session.phase === 'joined' && session.promptTime === promptTime ? session.then : [];
  const answering = session.phase === 'joined' ? session.answering : unanswered(session.shape);
  return {
    phase: 'joined',
    ...stayOf(session),
    promptTime,
    then: [...before, type],
    answering: type === 'SessionJoined' || type === 'PromptLiked' ? answering : afterAnswer(answering, happened),
  };
}

function stayOf({ promptUid, sessionUid, userSub, durationSeconds }: Stay): Stay {
  return { promptUid, sessionUid, userSub, durationSeconds };
}

// Decisions.

const decide = (command: PromptSessionWish, session: PromptSession): Decided => {
  switch (command.type) {
    case 'OpenSession':
      return open(command, session);
    case 'ReuseSession':
      return reuse(command, session);
    case 'JoinSession':
      return join(command, session);
    case 'LikePrompt': {
      const running = runningSession(command, session, 'PromptLiked');
      return 'refused' in running ? running : [{ type: 'PromptLiked', ...momentOf(running, command) }];
    }
    case 'AnswerNumber':
    case 'AnswerColor':
    case 'AnswerWord':
    case 'StartPress':
    case 'EndPress': {
      const running = runningSession(command, session, answerLeadsTo[command.type]);
      return 'refused' in running ? running : answer(command, running.answering, momentOf(running, command));
    }
    case 'LeaveSession': {
      const running = runningSession(command, session, 'SessionLeft');
      return 'refused' in running ? running : end(running, command, 'left');
    }
    case 'ExpireSession':
      // Whoever left in time is gone already, and whoever never joined has nothing to leave.
      return session.phase === 'joined' ? expire(session, command) : [];
    case 'ChangeOwner':
      return changeOwner(command, session);
    case 'EraseSession':
      return erase(command, session);
  }
};

function open(command: Wish<'OpenSession'>, session: PromptSession): Decided {
  if (session.phase !== 'unopened') return refuse('already_exists');
  const { sessionUid, userSub, prompt, origin, at: createdAt } = command;
  if (prompt.phase !== 'usable') return refuse('not_found');
  const { promptUid, content, durationSeconds } = prompt;
  return [{ type: 'SessionOpened', promptUid, sessionUid, userSub, content, durationSeconds, createdAt, origin }];
}

function reuse({ userSub, prompt }: Wish<'ReuseSession'>, session: PromptSession): Decided {
  if (prompt.phase !== 'usable') return refuse('not_found');
  if (session.phase === 'unopened' || session.phase === 'erased') return refuse('session_not_found');
  if (session.promptUid !== prompt.promptUid || session.userSub !== userSub) return refuse('session_not_found');
  return session.phase === 'opened' ? [] : refuse('session_already_started');
}

function join(command: Wish<'JoinSession'>, session: PromptSession): Decided {
  // Only joining looks for the prompt before it looks at the time.
  if (command.prompt.phase === 'missing') return refuse('not_found');
  const own = ownSession(command, session);
  if ('refused' in own) return own;
  if (own.phase !== 'opened') return refuse('session_already_started');
  return [{ type: 'SessionJoined', ...momentOf(own, command), name: command.name, origin: own.origin }];
}

function end(
  running: Joined,
  { eventUid, releaseUid, name, promptTime, at }: Ending & When,
  reason: 'left' | 'expired',
): PromptSessionEvent[] {
  const leaving = { type: 'SessionLeft', ...momentOf(running, { eventUid, promptTime, at }), name, reason } as const;
  if (!running.answering.isPressing) return [leaving];
  return [{ type: 'PressEnded', ...momentOf(running, { eventUid: releaseUid, promptTime, at }) }, leaving];
}

function expire(running: Joined, ending: Ending & At): PromptSessionEvent[] {
  return end(running, { ...ending, promptTime: running.durationSeconds }, 'expired');
}

function changeOwner({ from, to, at }: Wish<'ChangeOwner'>, session: PromptSession): Decided {
  if (session.phase === 'unopened' || session.phase === 'erased') return [];
  const { promptUid, sessionUid, userSub } = session;
  if (userSub !== from || from === to) return [];
  return [{ type: 'SessionOwnerChanged', promptUid, sessionUid, userSub, newOwner: to, at }];
}

function erase(command: Wish<'EraseSession'>, session: PromptSession): Decided {
  if (session.phase === 'unopened' || session.phase === 'erased') return [];
  const { promptUid, sessionUid, userSub } = session;
  if (userSub !== command.userSub) return [];
  const ended = session.phase === 'joined' ? expire(session, { ...command, name: nobodysName }) : [];
  return [...ended, { type: 'SessionErased', promptUid, sessionUid, userSub, at: command.at }];
}

// Clients rely on which of several mistakes is named: the order of all checks below is part of the contract.

function ownSession(command: Participation, session: PromptSession): Opened | Joined | Left | No {
  const { prompt, promptUid, userSub, promptTime } = command;
  // Written so that a time that is no number fails too.
  if (!(promptTime >= 0)) return refuse('impossible_prompt_time');
  if (prompt.phase === 'missing') return refuse('not_found');
  if (promptTime > prompt.durationSeconds) return refuse('impossible_prompt_time');
  if (session.phase === 'unopened' || session.phase === 'erased') return refuse('session_not_found');
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

interface When {
  readonly eventUid: PromptEventUid;
  readonly promptTime: number;
  readonly at: UnixSeconds;
}

function momentOf(stay: Stay, { eventUid, promptTime, at }: When): Moment {
  return { ...stayOf(stay), eventUid, promptTime, createdAt: at };
}

export const promptSession: DecisionModel<
  PromptSession,
  PromptSessionWish,
  typeof promptSessionEvents,
  PromptSessionRefusal
> = { category: 'promptSession', events: promptSessionEvents, initial, evolve, decide };
