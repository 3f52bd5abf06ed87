import type { PromptUid } from '../kernel/ids.js';

/**
 * Which prompt a journey asks. Clients of the journey era name journeys where others name prompts; whoever knows journeys tells
 * which prompt they mean.
 */
export abstract class PromptsOfJourneys {
  /** The prompt that the journey asks now, also while it is deleted; undefined if there is no such journey. */
  abstract current(journeyUid: string): Promise<PromptUid | undefined>;
}
