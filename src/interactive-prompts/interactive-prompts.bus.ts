import type { PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { decides } from '../platform/deciding/decides.js';
import { reads } from '../platform/deciding/reads.js';
import { StreamCommand } from '../platform/deciding/stream-command.js';
import { prompt, type PromptWish } from './prompt.js';
import { promptSession, type PromptSessionWish } from './prompt-session.js';

export class PromptCommand extends StreamCommand<PromptUid, PromptWish> {}
export const PromptHandler = decides(PromptCommand, prompt);

export class PromptSessionCommand extends StreamCommand<PromptSessionUid, PromptSessionWish> {}
export const PromptSessionHandler = decides(PromptSessionCommand, promptSession);

/** A session's commands are judged by its prompt, too, and the prompt is another stream. */
export class Prompts extends reads<PromptUid>()(prompt) {}
