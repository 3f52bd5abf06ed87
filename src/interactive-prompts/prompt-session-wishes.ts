import type { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../kernel/ids.js';
import type { UnixSeconds } from '../kernel/instant.js';
import type { Prompt } from './prompt.js';
import type { AnswerWish } from './prompt-session-answers.js';
import type { SessionOrigin } from './prompt-session-moments.js';

/** What every wish of a participant says. `prompt` is the prompt that was named, which need not be the session's own. */
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
      readonly origin: SessionOrigin;
      readonly at: UnixSeconds;
    }
  /** Changes nothing: it only makes sure that the session is still somebody's to begin. */
  | { readonly type: 'ReuseSession'; readonly userSub: UserSub; readonly prompt: Prompt }
  | ParticipationWish
  | ({ readonly type: 'ExpireSession' } & Ending & At)
  | ({ readonly type: 'ChangeOwner'; readonly from: UserSub; readonly to: UserSub } & At)
  | ({ readonly type: 'EraseSession'; readonly userSub: UserSub } & Omit<Ending, 'name'> & At);

/** What those who take part ask for. */
export type ParticipationWish =
  | ({ readonly type: 'JoinSession'; readonly name: string } & Participation)
  | ({ readonly type: 'LikePrompt' } & Participation)
  | (AnswerWish & Participation)
  | ({ readonly type: 'LeaveSession' } & Ending & Participation);

export interface At {
  readonly at: UnixSeconds;
}

/** Whoever presses when the stay ends is released first, and that is an event with an id of its own. */
export interface Ending {
  readonly eventUid: PromptEventUid;
  readonly releaseUid: PromptEventUid;
  readonly name: string;
}
