import { z } from 'zod';
import { type Decision, type DecisionModel, refuse } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { JourneyLinkUid, JourneyUid, PromptUid } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import { line } from '../kernel/text.js';
import { areSameWords, asksTheSame, DurationSeconds, PromptContent } from '../interactive-prompts/prompt-content.js';

/**
 * A class that people take, and the one prompt that its lobby shows before it begins.
 *
 * The prompt belongs to its answers: another question needs another prompt. The former one is kept by a link, so that whoever
 * came through it still counts as having come to the journey. Only new words for the same question change a prompt in place.
 *
 * States: `missing`, `offered`, `deleted`, and back from `deleted` to `offered`. The prompt is not touched by either.
 */

// Events. Stored for ever under these names.

export const JourneyTitle = line({ charactersMax: 255 });
const subcategoryName = line({ charactersMax: 255 });
/** What the journey is about: as statistics name it, and as people see it. */
export const Subcategory = z.object({ internalName: subcategoryName, externalName: subcategoryName });
export type Subcategory = z.infer<typeof Subcategory>;

const journeyUid = JourneyUid;
const lobby = { promptUid: PromptUid, content: PromptContent, durationSeconds: DurationSeconds };

export const journeyEvents = {
  JourneyCreated: event(
    z.object({ journeyUid, title: JourneyTitle, subcategory: Subcategory, ...lobby, at: UnixSeconds }),
  ),
  /** The same question in other words: answers stay. */
  JourneyPromptRevised: event(z.object({ journeyUid, promptUid: PromptUid, content: PromptContent, at: UnixSeconds })),
  /** Another question, or another time for it: a new prompt, and a link to the former one. */
  JourneyPromptReplaced: event(
    z.object({ journeyUid, linkUid: JourneyLinkUid, formerPromptUid: PromptUid, ...lobby, at: UnixSeconds }),
  ),
  JourneySubcategoryChanged: event(z.object({ journeyUid, subcategory: Subcategory, at: UnixSeconds })),
  JourneyRetitled: event(z.object({ journeyUid, title: JourneyTitle, at: UnixSeconds })),
  JourneyDeleted: event(z.object({ journeyUid, at: UnixSeconds })),
  JourneyUndeleted: event(z.object({ journeyUid, at: UnixSeconds })),
};

export type JourneyEvent = EventOf<typeof journeyEvents>;

// Commands.

export type JourneyWish =
  | {
      readonly type: 'CreateJourney';
      readonly journeyUid: JourneyUid;
      readonly title: string;
      readonly subcategory: Subcategory;
      readonly promptUid: PromptUid;
      readonly content: PromptContent;
      readonly durationSeconds: number;
      readonly at: UnixSeconds;
    }
  | {
      readonly type: 'ChangeJourney';
      readonly changes: JourneyChanges;
      /** Of the prompt to be, and of the link to the former one, if the prompt is replaced. */
      readonly promptUid: PromptUid;
      readonly linkUid: JourneyLinkUid;
      readonly at: UnixSeconds;
    }
  | { readonly type: 'DeleteJourney' | 'UndeleteJourney'; readonly at: UnixSeconds };

/** What is undefined stays as it is. */
export interface JourneyChanges {
  readonly title?: string | undefined;
  readonly subcategory?: Subcategory | undefined;
  readonly content?: PromptContent | undefined;
  /** Said at all, even if it is the same as before, it asks for a new prompt. */
  readonly durationSeconds?: number | undefined;
  /** Begin anew, whatever else changes. */
  readonly archivesResponses: boolean;
}

export type JourneyRefusal = 'already_exists' | 'not_found';

// State.

export interface KnownJourney {
  readonly phase: 'offered' | 'deleted';
  readonly journeyUid: JourneyUid;
  readonly title: string;
  readonly subcategory: Subcategory;
  readonly promptUid: PromptUid;
  readonly content: PromptContent;
  readonly durationSeconds: number;
  /** Oldest first. */
  readonly formerPromptUids: readonly PromptUid[];
  readonly createdAt: UnixSeconds;
}

export type Journey = { readonly phase: 'missing' } | KnownJourney;

const initial: Journey = { phase: 'missing' };

const evolve = (journey: Journey, happened: JourneyEvent): Journey => {
  if (happened.type === 'JourneyCreated') {
    const { type: _, at, ...created } = happened;
    return { phase: 'offered', ...created, formerPromptUids: [], createdAt: at };
  }
  return journey.phase === 'missing' ? journey : { ...journey, ...after(happened, journey) };
};

function after(
  happened: Exclude<JourneyEvent, { type: 'JourneyCreated' }>,
  journey: KnownJourney,
): Partial<KnownJourney> {
  switch (happened.type) {
    case 'JourneyPromptRevised':
      return { content: happened.content };
    case 'JourneyPromptReplaced': {
      const { promptUid, content, durationSeconds, formerPromptUid } = happened;
      const formerPromptUids = [...journey.formerPromptUids, formerPromptUid];
      return { promptUid, content, durationSeconds, formerPromptUids };
    }
    case 'JourneySubcategoryChanged':
      return { subcategory: happened.subcategory };
    case 'JourneyRetitled':
      return { title: happened.title };
    case 'JourneyDeleted':
      return { phase: 'deleted' };
    case 'JourneyUndeleted':
      return { phase: 'offered' };
  }
}

/** Whether a prompt is, or ever was, the journey's. */
export function hasAsked({ promptUid, formerPromptUids }: KnownJourney, asked: PromptUid): boolean {
  return promptUid === asked || formerPromptUids.includes(asked);
}

// Decisions.

const decide = (command: JourneyWish, journey: Journey): Decision<JourneyEvent, JourneyRefusal> => {
  if (command.type === 'CreateJourney') {
    if (journey.phase !== 'missing') return refuse('already_exists');
    const { journeyUid, title, subcategory, promptUid, content, durationSeconds, at } = command;
    return [{ type: 'JourneyCreated', journeyUid, title, subcategory, promptUid, content, durationSeconds, at }];
  }
  if (journey.phase === 'missing') return refuse('not_found');
  const { journeyUid } = journey;
  const { at } = command;
  switch (command.type) {
    case 'ChangeJourney':
      return journey.phase === 'deleted' ? refuse('not_found') : change(command, journey);
    case 'DeleteJourney':
      return journey.phase === 'deleted' ? [] : [{ type: 'JourneyDeleted', journeyUid, at }];
    case 'UndeleteJourney':
      return journey.phase === 'offered' ? [] : [{ type: 'JourneyUndeleted', journeyUid, at }];
  }
};

type Change = Extract<JourneyWish, { readonly type: 'ChangeJourney' }>;

function change(command: Change, journey: KnownJourney): readonly JourneyEvent[] {
  const { changes, at } = command;
  const { journeyUid } = journey;
  const { title, subcategory } = changes;
  const changed: JourneyEvent[] = [...promptChange(command, journey)];
  if (subcategory !== undefined && !isSameSubcategory(subcategory, journey.subcategory)) {
    changed.push({ type: 'JourneySubcategoryChanged', journeyUid, subcategory, at });
  }
  if (title !== undefined && title !== journey.title) {
    changed.push({ type: 'JourneyRetitled', journeyUid, title, at });
  }
  return changed;
}

function promptChange({ changes, promptUid, linkUid, at }: Change, journey: KnownJourney): readonly JourneyEvent[] {
  const { journeyUid, promptUid: formerPromptUid } = journey;
  const { content = journey.content, durationSeconds = journey.durationSeconds } = changes;
  // Asked for again, it has become so already: a prompt is the journey's once.
  if (hasAsked(journey, promptUid)) return [];
  if (needsNewPrompt(changes, journey)) {
    const lobby = { promptUid, content, durationSeconds };
    return [{ type: 'JourneyPromptReplaced', journeyUid, linkUid, formerPromptUid, ...lobby, at }];
  }
  if (areSameWords(content, journey.content)) return [];
  return [{ type: 'JourneyPromptRevised', journeyUid, promptUid: formerPromptUid, content, at }];
}

function needsNewPrompt(
  { content, durationSeconds, archivesResponses }: JourneyChanges,
  journey: KnownJourney,
): boolean {
  if (archivesResponses || durationSeconds !== undefined) return true;
  return content !== undefined && !asksTheSame(content, journey.content);
}

function isSameSubcategory(one: Subcategory, other: Subcategory): boolean {
  return one.internalName === other.internalName && one.externalName === other.externalName;
}

export const journey: DecisionModel<Journey, JourneyWish, typeof journeyEvents, JourneyRefusal> = {
  category: 'journey',
  events: journeyEvents,
  initial,
  evolve,
  decide,
};
