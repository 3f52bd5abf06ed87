import { InteractivePromptsModule } from '../interactive-prompts/interactive-prompts.module.js';
import { PromptHandler, PromptSessionHandler } from '../interactive-prompts/interactive-prompts.bus.js';
import { expiry } from '../interactive-prompts/expiry.process.js';
import { promptEvents } from '../interactive-prompts/prompt.js';
import { promptSessionEvents } from '../interactive-prompts/prompt-session.js';
import type { EventFamily } from '../kernel/event-family.js';
import type { Upcast } from '../platform/event-store/upcasts.js';

/** What this product is, as lists for the platform: the events there are, who decides, who reacts, and the slices to serve. */

export const eventFamilies: readonly EventFamily[] = [promptEvents, promptSessionEvents];

export const upcasts: readonly Upcast[] = [];

export const commandHandlers = [PromptHandler, PromptSessionHandler];

export const processes = [expiry];

export const slices = [InteractivePromptsModule];
