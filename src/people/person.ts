import { z } from 'zod';
import { type Decision, type DecisionModel, refuse } from '../kernel/decision-model.js';
import { event, type EventOf } from '../kernel/event-family.js';
import { ImageUid, UserSub } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';

/**
 * Somebody with an account, as far as this product knows them. Who they are is their identity provider's business, so there is
 * no sign-up: whoever was never heard of is here.
 *
 * States: `here`; `merged` into another account; `erased`. Both ends are final. Whatever belongs to the person elsewhere follows
 * by processes.
 */

// Events. Stored for ever under these names.

export const TimeOfDay = z.enum(['morning', 'afternoon', 'evening']);
export type TimeOfDay = z.infer<typeof TimeOfDay>;

export const personEvents = {
  /** In the stream of the one that ends. */
  PersonMerged: event(z.object({ from: UserSub, into: UserSub, at: UnixSeconds })),
  PersonErased: event(z.object({ userSub: UserSub, at: UnixSeconds })),
  PictureChanged: event(z.object({ userSub: UserSub, imageUid: ImageUid.nullable(), at: UnixSeconds })),
  NotificationTimeChosen: event(z.object({ userSub: UserSub, time: TimeOfDay, at: UnixSeconds })),
};

export type PersonEvent = EventOf<typeof personEvents>;

// Commands.

export type PersonWish =
  | { readonly type: 'MergePerson'; readonly from: UserSub; readonly into: UserSub; readonly at: UnixSeconds }
  /** Changes nothing: it only makes sure that there is somebody to merge into. */
  | { readonly type: 'TakeOver' }
  | { readonly type: 'ErasePerson'; readonly userSub: UserSub; readonly at: UnixSeconds }
  | {
      readonly type: 'ChangePicture';
      readonly userSub: UserSub;
      readonly imageUid: ImageUid | null;
      readonly at: UnixSeconds;
    }
  | {
      readonly type: 'ChooseNotificationTime';
      readonly userSub: UserSub;
      readonly time: TimeOfDay;
      readonly at: UnixSeconds;
    };

export type PersonRefusal = 'user_not_found' | 'same_person';

// State.

export type Person =
  | { readonly phase: 'here'; readonly imageUid: ImageUid | null; readonly notificationTime: TimeOfDay | null }
  | { readonly phase: 'merged'; readonly into: UserSub }
  | { readonly phase: 'erased' };

const initial: Person = { phase: 'here', imageUid: null, notificationTime: null };

const evolve = (person: Person, happened: PersonEvent): Person => {
  switch (happened.type) {
    case 'PersonMerged':
      return { phase: 'merged', into: happened.into };
    case 'PersonErased':
      return { phase: 'erased' };
    case 'PictureChanged':
      return person.phase === 'here' ? { ...person, imageUid: happened.imageUid } : person;
    case 'NotificationTimeChosen':
      return person.phase === 'here' ? { ...person, notificationTime: happened.time } : person;
  }
};

// Decisions.

type Decided = Decision<PersonEvent, PersonRefusal>;
type Wish<Type extends PersonWish['type']> = Extract<PersonWish, { readonly type: Type }>;

const decide = (command: PersonWish, person: Person): Decided => {
  switch (command.type) {
    case 'MergePerson':
      return merge(command, person);
    case 'TakeOver':
      return person.phase === 'here' ? [] : refuse('user_not_found');
    case 'ErasePerson': {
      const { userSub, at } = command;
      return person.phase === 'erased' ? [] : [{ type: 'PersonErased', userSub, at }];
    }
    case 'ChangePicture':
    case 'ChooseNotificationTime':
      return person.phase === 'here' ? choose(command, person) : refuse('user_not_found');
  }
};

function merge({ from, into, at }: Wish<'MergePerson'>, person: Person): Decided {
  if (from === into) return refuse('same_person');
  if (person.phase === 'merged' && person.into === into) return [];
  return person.phase === 'here' ? [{ type: 'PersonMerged', from, into, at }] : refuse('user_not_found');
}

function choose(
  command: Wish<'ChangePicture' | 'ChooseNotificationTime'>,
  { imageUid, notificationTime }: Extract<Person, { readonly phase: 'here' }>,
): Decided {
  const { userSub, at } = command;
  if (command.type === 'ChangePicture') {
    return command.imageUid === imageUid ? [] : [{ type: 'PictureChanged', userSub, imageUid: command.imageUid, at }];
  }
  return command.time === notificationTime ? [] : [{ type: 'NotificationTimeChosen', userSub, time: command.time, at }];
}

/** Whoever takes over must be here, and still be here when it is done. */
export function survivorOf(happened: PersonEvent): readonly { readonly id: UserSub; readonly payload: PersonWish }[] {
  return happened.type === 'PersonMerged' ? [{ id: happened.into, payload: { type: 'TakeOver' } }] : [];
}

export const person: DecisionModel<Person, PersonWish, typeof personEvents, PersonRefusal> = {
  category: 'person',
  events: personEvents,
  initial,
  evolve,
  decide,
};
