import type { JourneyUid, PromptSessionUid } from '../kernel/ids.js';
import { decides } from '../platform/deciding/decides.js';
import { followedBy } from '../platform/deciding/following.js';
import { reads } from '../platform/deciding/reads.js';
import { StreamCommand } from '../platform/deciding/stream-command.js';
import { prompt } from '../interactive-prompts/prompt.js';
import { promptSession } from '../interactive-prompts/prompt-session.js';
import { journey, type JourneyWish } from './journey.js';
import { promptWishesOf } from './journey-prompts.js';

export class JourneyCommand extends StreamCommand<JourneyUid, JourneyWish> {}
/** A journey and its prompt change together or not at all. */
export const JourneyHandler = decides(JourneyCommand, journey, followedBy(prompt, promptWishesOf));

export class Journeys extends reads<JourneyUid>()(journey) {}
/** Which prompt a session belongs to never changes, so what was seen last is enough. */
export class PromptSessionStates extends reads<PromptSessionUid>()(promptSession) {}
