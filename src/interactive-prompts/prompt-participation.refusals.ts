import type { RefusalAnswer } from '../platform/http/refusals.js';
import type { ParticipationRefusal } from './prompt-participation.commands.js';

/** What those who take part are told when it may not be. The types are the words that clients branch on. */
export const participationRefusals: Readonly<Record<ParticipationRefusal, RefusalAnswer>> = {
  already_exists: { status: 409, type: 'already_exists', message: 'There is such a session already.' },
  not_found: { status: 404, type: 'not_found', message: 'There is no such prompt.' },
  impossible_prompt_time: {
    status: 409,
    type: 'impossible_prompt_time',
    message: 'The prompt time is before the beginning or after the end of the prompt.',
  },
  session_not_found: { status: 409, type: 'session_not_found', message: 'You have no such session in this prompt.' },
  session_already_started: {
    status: 409,
    type: 'session_already_started',
    message: 'The session was joined before.',
  },
  session_not_started: { status: 409, type: 'session_not_started', message: 'The session was not joined yet.' },
  session_already_ended: { status: 409, type: 'session_already_ended', message: 'The session is over.' },
  session_has_later_event: {
    status: 409,
    type: 'session_has_later_event',
    message: 'Something happened in the session at a later prompt time.',
  },
  impossible_event: { status: 409, type: 'impossible_event', message: 'The prompt asks for another kind of answer.' },
  impossible_event_data: {
    status: 409,
    type: 'impossible_event_data',
    message: 'The prompt does not take this answer, or not now.',
  },
  session_has_same_event_at_same_time: {
    status: 409,
    type: 'session_has_same_event_at_same_time',
    message: 'The same happened in the session at exactly this prompt time.',
  },
  user_not_found: {
    status: 503,
    type: 'user_not_found',
    message: 'There is no such account any more.',
    retryAfterSeconds: 15,
  },
};
