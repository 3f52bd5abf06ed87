import type { Dice } from './example-dice.js';
import type { ExampleAct } from './example-sums.js';

/** What somebody does in a lobby, as clients of the journey era told it: mostly as intended, now and then not. */
export function exampleActs(prompt: ExamplePrompt, durationSeconds: number, dice: Dice): readonly ExampleAct[] {
  if (dice.happens(0.12)) return [];
  const joinsAt = dice.happens(0.8) ? 0 : round(dice.next() * Math.min(2, durationSeconds));
  const acts: ExampleAct[] = [plain('join', joinsAt)];
  let time = joinsAt;
  const wishes = 1 + dice.below(9);
  for (let wish = 0; wish < wishes; wish += 1) {
    time = round(Math.min(durationSeconds, time + 0.01 + dice.next() * (durationSeconds / wishes) * 0.9));
    acts.push(...(dice.happens(0.25) ? [plain('like', time)] : answersTo(prompt, time, acts, dice)));
  }
  if (dice.happens(0.75)) acts.push(plain('leave', dice.happens(0.6) ? durationSeconds : time));
  return acts;
}

export interface ExamplePrompt {
  readonly style: 'word' | 'numeric' | 'color' | 'press';
  /** How many answers there are, from `from` on. */
  readonly answers: number;
  readonly from: number;
}

function answersTo({ style, answers, from }: ExamplePrompt, time: number, acts: readonly ExampleAct[], dice: Dice) {
  if (style !== 'press') return [{ evtype: `${style}_prompt_response`, time, value: from + dice.below(answers) }];
  const last = acts.findLast(({ evtype }) => evtype.startsWith('press_'));
  const isPressing = last?.evtype === 'press_prompt_start_response';
  return [plain(isPressing ? 'press_prompt_end_response' : 'press_prompt_start_response', time)];
}

export const races = ['joined twice', 'left twice', 'never joined', 'liked after leaving'] as const;
export type Race = (typeof races)[number];

/** Before events were checked in the transaction that wrote them, two requests at once could both come through. */
export function raced(acts: readonly ExampleAct[], race: Race): readonly ExampleAct[] {
  const last = acts.at(-1);
  switch (race) {
    case 'joined twice':
      return acts.flatMap((act) => (act.evtype === 'join' ? [act, act] : [act]));
    case 'left twice':
      return acts.flatMap((act) => (act.evtype === 'leave' ? [act, act] : [act]));
    case 'never joined':
      return acts.slice(1);
    case 'liked after leaving':
      return last === undefined ? acts : [...acts, plain('like', last.time)];
  }
}

function plain(evtype: string, time: number): ExampleAct {
  return { evtype, time, value: undefined };
}

/** Clients sent milliseconds. */
function round(time: number): number {
  return Math.round(time * 1_000) / 1_000;
}
