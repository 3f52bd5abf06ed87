import { z } from 'zod';
import { type Decision, type DecisionModel, refuse } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { PromptUid } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';

/**
 * One question and how long it is shown. Who answers it, and what, are streams of their own.
 *
 * States: `missing`, `usable`, `deleted`. A deleted prompt takes no new sessions; those that run may finish, so everything a
 * session needs of it stays.
 */

// Events. Stored for ever under these names.

export const promptEvents = {
  PromptCreated: event(
    z.object({
      promptUid: PromptUid,
      content: PromptContent,
      durationSeconds: DurationSeconds,
      createdAt: UnixSeconds,
    }),
  ),
  PromptDeleted: event(z.object({ promptUid: PromptUid, deletedAt: UnixSeconds })),
};

export type PromptEvent = EventOf<typeof promptEvents>;

// Commands.

export type PromptWish =
  | {
      readonly type: 'CreatePrompt';
      readonly promptUid: PromptUid;
      readonly content: PromptContent;
      readonly durationSeconds: number;
      readonly at: UnixSeconds;
    }
  | { readonly type: 'DeletePrompt'; readonly at: UnixSeconds };

export type PromptRefusal = 'already_exists' | 'not_found';

// State.

export type Prompt =
  | { readonly phase: 'missing' }
  | {
      readonly phase: 'usable' | 'deleted';
      readonly promptUid: PromptUid;
      readonly content: PromptContent;
      readonly durationSeconds: number;
    };

const initial: Prompt = { phase: 'missing' };

const evolve = (prompt: Prompt, happened: PromptEvent): Prompt => {
  switch (happened.type) {
    case 'PromptCreated': {
      const { promptUid, content, durationSeconds } = happened;
      return { phase: 'usable', promptUid, content, durationSeconds };
    }
    case 'PromptDeleted':
      return prompt.phase === 'missing' ? prompt : { ...prompt, phase: 'deleted' };
  }
};

// Decisions.

const decide = (command: PromptWish, prompt: Prompt): Decision<PromptEvent, PromptRefusal> => {
  switch (command.type) {
    case 'CreatePrompt': {
      if (prompt.phase !== 'missing') return refuse('already_exists');
      const { promptUid, content, durationSeconds, at } = command;
      return [{ type: 'PromptCreated', promptUid, content, durationSeconds, createdAt: at }];
    }
    case 'DeletePrompt':
      if (prompt.phase === 'missing') return refuse('not_found');
      if (prompt.phase === 'deleted') return [];
      return [{ type: 'PromptDeleted', promptUid: prompt.promptUid, deletedAt: command.at }];
  }
};

export const prompt: DecisionModel<Prompt, PromptWish, typeof promptEvents, PromptRefusal> = {
  category: 'prompt',
  events: promptEvents,
  initial,
  evolve,
  decide,
};
