import { PromptEventUid } from '../kernel/ids.js';
import { dateOf, unixSeconds } from '../kernel/instant.js';
import { derivedUid } from '../platform/ids/uids.js';
import type { Process } from '../platform/reacting/process.js';
import { PromptSessionCommand } from './interactive-prompts.bus.js';
import type { PromptSessionEvent } from './prompt-session.js';

/**
 * Ends the sessions of those who closed their laptop: nobody tells us that they are gone, but the prompt is over.
 *
 * The end waits a little longer than the prompt lasts, so that the last word of a slow connection still counts.
 */
export const graceSeconds = 5;

export const expiry: Process<PromptSessionEvent> = {
  name: 'prompt_session_expiry',
  startsAt: 'beginning',
  on: {
    SessionJoined: ({ sessionUid, promptTime, durationSeconds, createdAt, name }, reaction, { id }) => {
      const dueAt = new Date(dateOf(createdAt).getTime() + (durationSeconds - promptTime + graceSeconds) * 1_000);
      const eventUid = derivedUid('ipe', PromptEventUid, `${id} expired`);
      const releaseUid = derivedUid('ipe', PromptEventUid, `${id} released`);
      const wish = { type: 'ExpireSession', eventUid, releaseUid, name, at: unixSeconds(dueAt) } as const;
      return reaction.sendAt({ key: sessionUid, dueAt }, PromptSessionCommand, sessionUid, wish);
    },
    SessionLeft: ({ sessionUid }, reaction) => reaction.cancel(sessionUid),
  },
};
