import { z } from 'zod';
import { type Decision, type DecisionModel, refuse } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { PromptUid, PublicRecordUid } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import type { PromptWish } from './prompt.js';
import { areSameWords, DurationSeconds, PromptContent } from './prompt-content.js';

/**
 * A question that anybody can ask for by a fixed name, such as the one of the welcome screen. Behind the name is a prompt like
 * any other, its *instance*, and from time to time a new one, so that no crowd grows for ever.
 *
 * There is no instance until somebody starts the first. A new one is due when the current one is too old, or was made of an
 * earlier version of the settings. Settings never change without a new version.
 */

// Events. Stored for ever under these names.

export const PublicIdentifier = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+([-_.][a-z0-9]+)*$/i, 'must be words of letters and digits, joined by -, _ or .');

export const PublicVersion = z.int32().nonnegative();
/** At least a minute, at most about ten years. */
export const ExpiresSeconds = z.int().min(60).max(315_360_000);

const settings = {
  identifier: PublicIdentifier,
  version: PublicVersion,
  content: PromptContent,
  durationSeconds: DurationSeconds,
  expiresSeconds: ExpiresSeconds,
};

export const publicPromptEvents = {
  PublicPromptDefined: event(z.object({ ...settings, at: UnixSeconds })),
  PublicInstanceRotated: event(
    z.object({
      identifier: PublicIdentifier,
      version: PublicVersion,
      promptUid: PromptUid,
      recordUid: PublicRecordUid,
      at: UnixSeconds,
      expiresAt: UnixSeconds,
      reason: z.enum(['first', 'expired', 'new_version']),
    }),
  ),
};

export type PublicPromptEvent = EventOf<typeof publicPromptEvents>;
type Settings = z.output<z.ZodObject<typeof settings>>;

// Commands.

export type PublicPromptWish =
  | ({ readonly type: 'DefinePublicPrompt'; readonly at: UnixSeconds } & Settings)
  | {
      readonly type: 'RotateInstance';
      /** Of the prompt to be, if one is needed. */
      readonly promptUid: PromptUid;
      readonly recordUid: PublicRecordUid;
      readonly at: UnixSeconds;
    };

/** `version_too_low`: other settings need a higher version than the one in use. */
export type PublicPromptRefusal = 'session_failed_to_start' | 'version_too_low';

// State.

export type PublicPrompt =
  | { readonly phase: 'undefined' }
  | { readonly phase: 'defined'; readonly settings: Settings; readonly instance: Instance };

export type Instance =
  | { readonly phase: 'none' }
  | {
      readonly phase: 'made';
      readonly promptUid: PromptUid;
      readonly version: number;
      readonly expiresAt: UnixSeconds;
    };

const initial: PublicPrompt = { phase: 'undefined' };

const evolve = (state: PublicPrompt, happened: PublicPromptEvent): PublicPrompt => {
  switch (happened.type) {
    case 'PublicPromptDefined': {
      const { identifier, version, content, durationSeconds, expiresSeconds } = happened;
      const instance = state.phase === 'defined' ? state.instance : ({ phase: 'none' } as const);
      return {
        phase: 'defined',
        settings: { identifier, version, content, durationSeconds, expiresSeconds },
        instance,
      };
    }
    case 'PublicInstanceRotated': {
      if (state.phase === 'undefined') return state;
      const { promptUid, version, expiresAt } = happened;
      return { ...state, instance: { phase: 'made', promptUid, version, expiresAt } };
    }
  }
};

// Decisions.

const decide = (command: PublicPromptWish, state: PublicPrompt): Decision<PublicPromptEvent, PublicPromptRefusal> => {
  switch (command.type) {
    case 'DefinePublicPrompt':
      return define(command, state);
    case 'RotateInstance':
      return state.phase === 'undefined' ? refuse('session_failed_to_start') : rotate(command, state);
  }
};

type Wish<Type extends PublicPromptWish['type']> = Extract<PublicPromptWish, { readonly type: Type }>;

function define(
  { identifier, version, content, durationSeconds, expiresSeconds, at }: Wish<'DefinePublicPrompt'>,
  state: PublicPrompt,
): Decision<PublicPromptEvent, PublicPromptRefusal> {
  const asked: Settings = { identifier, version, content, durationSeconds, expiresSeconds };
  if (state.phase === 'defined' && version <= state.settings.version) {
    return areSame(asked, state.settings) ? [] : refuse('version_too_low');
  }
  return [{ type: 'PublicPromptDefined', ...asked, at }];
}

function areSame(one: Settings, other: Settings): boolean {
  return (
    one.version === other.version &&
    areSameWords(one.content, other.content) &&
    one.durationSeconds === other.durationSeconds &&
    one.expiresSeconds === other.expiresSeconds
  );
}

function rotate(
  { promptUid, recordUid, at }: Wish<'RotateInstance'>,
  { settings, instance }: Extract<PublicPrompt, { readonly phase: 'defined' }>,
): PublicPromptEvent[] {
  const reason = reasonToRotate(settings, instance, at);
  if (reason === undefined) return [];
  const { identifier, version, expiresSeconds } = settings;
  const expiresAt = UnixSeconds.parse(at + expiresSeconds);
  return [{ type: 'PublicInstanceRotated', identifier, version, promptUid, recordUid, at, expiresAt, reason }];
}

function reasonToRotate(
  { version }: Settings,
  instance: Instance,
  at: UnixSeconds,
): 'first' | 'expired' | 'new_version' | undefined {
  if (instance.phase === 'none') return 'first';
  if (instance.version !== version) return 'new_version';
  return at >= instance.expiresAt ? 'expired' : undefined;
}

/** A new instance is a new prompt, made by the settings of its version. */
export function promptsOfInstances(
  happened: PublicPromptEvent,
  before: PublicPrompt,
): readonly { readonly id: PromptUid; readonly payload: PromptWish }[] {
  if (happened.type !== 'PublicInstanceRotated' || before.phase === 'undefined') return [];
  const { promptUid, at } = happened;
  const { content, durationSeconds } = before.settings;
  return [{ id: promptUid, payload: { type: 'CreatePrompt', promptUid, content, durationSeconds, at } }];
}

export const publicPrompt: DecisionModel<
  PublicPrompt,
  PublicPromptWish,
  typeof publicPromptEvents,
  PublicPromptRefusal
> = { category: 'publicPrompt', events: publicPromptEvents, initial, evolve, decide };
