import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ImageUid, UserSub } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import { person, survivorOf, type PersonEvent, type PersonWish } from '../../src/people/person.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';

const [ada, bo] = [UserSub.parse('ada'), UserSub.parse('bo')];
const at = UnixSeconds.parse(1_700_000_000);
const imageUid = ImageUid.parse(`oseh_if_${'a'.repeat(22)}`);

const merged: PersonEvent = { type: 'PersonMerged', from: ada, into: bo, at };
const erased: PersonEvent = { type: 'PersonErased', userSub: ada, at };
const merge = (into = bo): PersonWish => ({ type: 'MergePerson', from: ada, into, at });
const picture = (uid: ImageUid | null): PersonWish => ({ type: 'ChangePicture', userSub: ada, imageUid: uid, at });
const remind = (time: 'morning' | 'evening'): PersonWish => ({
  type: 'ChooseNotificationTime',
  userSub: ada,
  time,
  at,
});
const forget: PersonWish = { type: 'ErasePerson', userSub: ada, at };

describe('a person', () => {
  test('merges into another, who is held still meanwhile', () => {
    given(person).when(merge()).thenEvents([merged]);
    expect(survivorOf(merged)).toEqual([{ id: bo, payload: { type: 'TakeOver' } }]);
    expect(survivorOf(erased)).toEqual([]);
  });

  test('merges once, and into somebody else', () => {
    given(person, [merged]).when(merge()).thenNothing();
    given(person, [merged])
      .when(merge(UserSub.parse('cy')))
      .thenRefused('user_not_found');
    given(person).when(merge(ada)).thenRefused('same_person');
  });

  test('takes nobody over when gone', () => {
    given(person).when({ type: 'TakeOver' }).thenNothing();
    given(person, [merged]).when({ type: 'TakeOver' }).thenRefused('user_not_found');
    given(person, [erased]).when({ type: 'TakeOver' }).thenRefused('user_not_found');
  });

  test('is erased for good, also after a merge', () => {
    given(person).when(forget).thenEvents([erased]);
    given(person, [merged]).when(forget).thenEvents([erased]);
    given(person, [erased]).when(forget).thenNothing();
    given(person, [erased]).when(merge()).thenRefused('user_not_found');
  });

  test('has the settings that were chosen last', () => {
    given(person)
      .when(picture(imageUid))
      .thenEvents([{ type: 'PictureChanged', userSub: ada, imageUid, at }]);
    given(person, [{ type: 'PictureChanged', userSub: ada, imageUid, at }])
      .when(picture(imageUid))
      .thenNothing();
    given(person)
      .when(remind('evening'))
      .thenEvents([{ type: 'NotificationTimeChosen', userSub: ada, time: 'evening', at }]);
    given(person, [erased]).when(remind('evening')).thenRefused('user_not_found');
  });

  test('does nothing twice', () => {
    const wishes = fc.constantFrom(
      merge(),
      picture(imageUid),
      picture(null),
      remind('morning'),
      remind('evening'),
      forget,
    );
    askingTwiceHappensOnce(person, wishes);
  });
});
