import { z } from 'zod';
import { type Decision, type DecisionModel, refuse } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { PromptUid } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import { areSameWords, asksTheSame, DurationSeconds, PromptContent } from './prompt-content.js';

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
  /** Only the words: whoever answered before answered the same question. */
  PromptTextRevised: event(z.object({ promptUid: PromptUid, content: PromptContent, at: UnixSeconds })),
  PromptDeleted: event(z.object({ promptUid: PromptUid, at: UnixSeconds })),
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
  | { readonly type: 'ReviseText'; readonly content: PromptContent; readonly at: UnixSeconds }
  | { readonly type: 'DeletePrompt'; readonly at: UnixSeconds };

/** `another_question`: answers to the prompt would not be answers to what was asked for instead. */
export type PromptRefusal = 'already_exists' | 'not_found' | 'another_question';

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
    case 'PromptTextRevised':
      return prompt.phase === 'missing' ? prompt : { ...prompt, content: happened.content };
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
    case 'ReviseText': {
      if (prompt.phase !== 'usable') return refuse('not_found');
      const { content, at } = command;
      if (!asksTheSame(prompt.content, content)) return refuse('another_question');
      if (areSameWords(prompt.content, content)) return [];
      return [{ type: 'PromptTextRevised', promptUid: prompt.promptUid, content, at }];
    }
    case 'DeletePrompt':
      if (prompt.phase === 'missing') return refuse('not_found');
      if (prompt.phase === 'deleted') return [];
      return [{ type: 'PromptDeleted', promptUid: prompt.promptUid, at: command.at }];
  }
};

export const prompt: DecisionModel<Prompt, PromptWish, typeof promptEvents, PromptRefusal> = {
  category: 'prompt',
  events: promptEvents,
  initial,
  evolve,
  decide,
};
