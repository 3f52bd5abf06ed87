import { JourneyLinkUid, JourneyUid } from '../../src/kernel/ids.js';
import type { JourneyChanges, JourneyEvent, JourneyWish } from '../../src/journeys/journey.js';
import { at, promptNo, threeWords } from '../interactive-prompts/stays.js';

/** A journey for examples: what is said about it is only what an example turns on. */
export const journeyNo = (n: number): JourneyUid => JourneyUid.parse(`oseh_j_${String(n).padStart(22, '0')}`);
export const linkNo = (n: number): JourneyLinkUid => JourneyLinkUid.parse(`oseh_ipoj_${String(n).padStart(22, '0')}`);

type Event<Type> = Extract<JourneyEvent, { type: Type }>;
type Wish<Type> = Extract<JourneyWish, { type: Type }>;

export const sleep = { internalName: 'sleep', externalName: 'Better sleep' };
const begun = {
  journeyUid: journeyNo(1),
  title: 'An evening walk',
  subcategory: sleep,
  promptUid: promptNo(1),
  content: threeWords,
  durationSeconds: 10,
  at: at(0),
};

export const created: Event<'JourneyCreated'> = { type: 'JourneyCreated', ...begun };
export const create: Wish<'CreateJourney'> = { type: 'CreateJourney', ...begun };

/** The next prompt and the link are numbered by `n`, the prompt before by `former`. */
export const replaced = (
  n: number,
  { former = n - 1, content = threeWords, durationSeconds = 10 } = {},
): Event<'JourneyPromptReplaced'> => ({
  type: 'JourneyPromptReplaced',
  journeyUid: journeyNo(1),
  linkUid: linkNo(n),
  formerPromptUid: promptNo(former),
  promptUid: promptNo(n),
  content,
  durationSeconds,
  at: at(n),
});

export const change = (changes: Partial<JourneyChanges>, n = 2): Wish<'ChangeJourney'> => ({
  type: 'ChangeJourney',
  changes: { archivesResponses: false, ...changes },
  promptUid: promptNo(n),
  linkUid: linkNo(n),
  at: at(n),
});
