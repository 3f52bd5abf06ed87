import type { PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { decides } from '../platform/deciding/decides.js';
import { followedBy } from '../platform/deciding/following.js';
import { reads } from '../platform/deciding/reads.js';
import { StreamCommand } from '../platform/deciding/stream-command.js';
import { prompt, type PromptWish } from './prompt.js';
import { promptsOfInstances, publicPrompt, type PublicPromptWish } from './public-prompt.js';
import { promptSession } from './prompt-session.js';
import type { PromptSessionWish } from './prompt-session-wishes.js';

export class PromptCommand extends StreamCommand<PromptUid, PromptWish> {}
export const PromptHandler = decides(PromptCommand, prompt);

export class PromptSessionCommand extends StreamCommand<PromptSessionUid, PromptSessionWish> {}
export const PromptSessionHandler = decides(PromptSessionCommand, promptSession);

/** A session's commands are judged by its prompt, too, and the prompt is another stream. */
export class Prompts extends reads<PromptUid>()(prompt) {}

export class PublicPromptCommand extends StreamCommand<string, PublicPromptWish> {}
/** An instance and its prompt come into being together, so two who start the first one at once get the same. */
export const PublicPromptHandler = decides(PublicPromptCommand, publicPrompt, followedBy(prompt, promptsOfInstances));

export class PublicPrompts extends reads<string>()(publicPrompt) {}
