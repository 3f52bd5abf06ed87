import { Injectable } from '@nestjs/common';
import { binWidthSecondsOf, endOfBin } from '../../projections/interactive-prompts/bins.js';
import { CrowdsInMemory } from '../../projections/interactive-prompts/crowd-in-memory.js';
import { PromptUid } from '../kernel/ids.js';
import { isRefused } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import { Prompts } from './interactive-prompts.bus.js';
import type { Prompt } from './prompt.js';
import { shapeOf } from './prompt-content.js';
import type { PacketError } from './watch-handshake.js';
import { PromptsOfJourneys } from './prompts-of-journeys.js';
import type { Authorize, WatchNames } from './watch-packets.js';

export type UsablePrompt = Exclude<Prompt, { phase: 'missing' }>;

/**
 * What can be watched, and by whom: a prompt by the holder of its token, also once it is deleted. Whoever holds the token of a
 * journey watches the prompt that it asks when they come, for as long as they stay.
 */
@Injectable()
export class WatchedPrompts {
  constructor(
    private readonly tokens: Tokens,
    private readonly prompts: Prompts,
    private readonly journeys: PromptsOfJourneys,
    private readonly crowds: CrowdsInMemory,
  ) {}

  async admit(
    { subject, jwt }: Authorize,
    { subjectUid }: WatchNames,
  ): Promise<UsablePrompt | { readonly error: PacketError }> {
    const isJourney = subjectUid === 'journey_uid';
    const key = this.tokens.key(isJourney ? 'journey' : 'interactivePrompt', jwt);
    if (isRefused(key) || key.sub !== subject) return { error: forbidden };
    const uid = isJourney ? await this.journeys.current(subject) : PromptUid.safeParse(subject).data;
    const prompt = uid === undefined ? undefined : await this.prompts.lastSeen(uid);
    if (prompt !== undefined && prompt.phase !== 'missing') return prompt;
    return { error: isJourney ? noSuchJourney : noSuchPrompt };
  }

  /** The same as a read of the statistics answers. */
  async statsOf({ promptUid, durationSeconds, content }: UsablePrompt, bins: readonly number[]): Promise<object[]> {
    const sums = await this.crowds.of({ promptUid, durationSeconds }, { atLeast: 0n, waitMs: 0 });
    const binWidth = binWidthSecondsOf(durationSeconds);
    const shape = shapeOf(content);
    return bins.map((bin) => {
      const place = { prompt_time: bin * binWidth, bin_width: binWidth, bin, as_of: endOfBin(bin, durationSeconds) };
      const { users, people, likes, press, ...answers } = sums.at(bin, shape);
      return {
        ...place,
        users,
        people,
        likes,
        numeric_active: answers.numericActive,
        press,
        press_active: answers.pressActive,
        color_active: answers.colorActive,
        word_active: answers.wordActive,
      };
    });
  }
}

const forbidden = { code: 403, type: 'forbidden', message: 'The token is not valid here, or no longer.' };
const noSuchJourney = { code: 404, type: 'not_found', message: 'There is no such journey.' };
const noSuchPrompt = { code: 404, type: 'not_found', message: 'There is no such prompt.' };

export const noSuchPosition = {
  code: 422,
  type: 'unprocessable_entity',
  message: '/data/resume_from is a position that does not exist yet',
};

export const tooLongAway = {
  code: 410,
  type: 'position_gone',
  message: 'Too much has happened since that position: start without resume_from, and search for what you missed.',
};
