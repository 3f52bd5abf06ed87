import { z } from 'zod';
import { PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';

/** A prompt as it is handed to whoever starts it: what it asks, and what taking part needs. */
export const ExternalPrompt = z.object({
  uid: PromptUid,
  jwt: z.string(),
  session_uid: PromptSessionUid,
  prompt: PromptContent,
  duration_seconds: DurationSeconds,
});
