/**
 * What each person of the simulated crowd does, and when. The same seed makes the same crowd.
 *
 * The times are prompt times. So a plan can be played as it would happen, or told all at once: whoever watches sees at each moment
 * of their own what the others did at that moment of theirs.
 */
export type DemoPrompt =
  | { readonly style: 'word'; readonly text: string; readonly options: readonly string[] }
  | { readonly style: 'color'; readonly text: string; readonly colors: readonly string[] }
  | { readonly style: 'numeric'; readonly text: string; readonly min: number; readonly max: number; readonly step: 1 }
  | { readonly style: 'press'; readonly text: string };

export interface Step {
  readonly promptTime: number;
  /** The end of the route: `/api/1/interactive_prompts/events/…`. */
  readonly event: string;
  readonly data: Readonly<Record<string, number>>;
}

export type Dice = () => number;

const prompts: readonly DemoPrompt[] = [
  {
    style: 'word',
    text: 'What did today ask of you?',
    options: ['Patience', 'Courage', 'A good laugh', 'A long nap'],
  },
  {
    style: 'color',
    text: 'Which color is your evening?',
    colors: ['#E4572E', '#F3A712', '#2E9E6B', '#3D6FE0', '#8A4FBF'],
  },
  { style: 'numeric', text: 'How awake are you right now?', min: 1, max: 10, step: 1 },
  { style: 'press', text: 'Hold as long as you breathe in.' },
];

export function promptFor(style: string): DemoPrompt {
  const found = prompts.find((prompt) => prompt.style === style);
  if (found === undefined) throw new TypeError(`There is no demo of style ${style}.`);
  return found;
}

/** Mulberry32: small, and the same everywhere. */
export function diceOf(seed: number): Dice {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One stay: in, a few answers as the mood of the crowd drifts, perhaps a like, and out. No two steps are at one time. */
export function planOf(prompt: DemoPrompt, durationSeconds: number, dice: Dice): readonly Step[] {
  const joinsAt = dice() < 0.4 ? dice() * 0.03 : dice() * 0.35;
  const leavesAt = dice() < 0.55 ? 1 : 0.65 + dice() * 0.34;
  const within = (share: number) => joinsAt + 0.01 + share * (leavesAt - joinsAt - 0.02);
  const told = prompt.style === 'press' ? presses(within, dice) : answersTo(prompt, within, dice);
  const likes = Array.from({ length: Math.floor(dice() * 3) }, () => ({
    at: within(dice()),
    event: 'like',
    data: {},
  }));
  return [
    { at: joinsAt, event: 'join', data: {} },
    ...[...told, ...likes].sort((one, other) => one.at - other.at),
    { at: leavesAt, event: 'leave', data: {} },
  ].map(({ at, event, data }, index) => ({
    promptTime: at === 1 ? durationSeconds : millisecond(at * durationSeconds * 0.998 + index * 0.002),
    event,
    data,
  }));
}

interface Wish {
  /** From 0, the beginning of the prompt, to 1, its end. */
  readonly at: number;
  readonly event: string;
  readonly data: Readonly<Record<string, number>>;
}

function answersTo(prompt: Exclude<DemoPrompt, { style: 'press' }>, within: (share: number) => number, dice: Dice) {
  const mindChanges = 1 + Math.floor(dice() * 3);
  return Array.from({ length: mindChanges }, (): Wish => {
    const at = within(dice() ** 1.3);
    switch (prompt.style) {
      case 'word':
        return { at, event: 'respond_word_prompt', data: { index: drifting(prompt.options.length, at, dice) } };
      case 'color':
        return { at, event: 'respond_color_prompt', data: { index: drifting(prompt.colors.length, at, dice) } };
      case 'numeric': {
        const rating = prompt.min + drifting(prompt.max - prompt.min + 1, at, dice);
        return { at, event: 'respond_numeric_prompt', data: { rating } };
      }
    }
  });
}

/** Early on most choose one of the first, later one of the last, and some never follow. */
function drifting(choices: number, at: number, dice: Dice): number {
  if (dice() < 0.25) return Math.floor(dice() * choices);
  const near = (0.15 + 0.7 * at) * choices + (dice() + dice() - 1) * choices * 0.28;
  return Math.min(choices - 1, Math.max(0, Math.floor(near)));
}

/** In waves: most hold in the same part of each sixth of the prompt. */
function presses(within: (share: number) => number, dice: Dice): readonly Wish[] {
  return Array.from({ length: 6 }, (_, wave) => wave).flatMap((wave) => {
    if (dice() < 0.25) return [];
    const from = (wave + 0.1 + dice() * 0.25) / 6;
    const to = (wave + 0.5 + dice() * 0.35) / 6;
    return [
      { at: within(from), event: 'respond_press_prompt/start', data: {} },
      { at: within(to), event: 'respond_press_prompt/end', data: {} },
    ];
  });
}

const millisecond = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;

const givenNames = [
  'Ada Noor Mateo Yuki Zoe Kofi Lena Omar Priya Tomás Ines Hugo Amara Björn Chloé Dmitri Esra Femi Greta Hana',
  'Ivo Jun Kaia Luca Mira Niko Olu Paula Quinn Rosa Sami Tara Uma Viktor Wren Xenia Yara Zain Anouk Bela',
]
  .join(' ')
  .split(' ');

export function givenNameOf(index: number): string {
  return givenNames[index % givenNames.length] ?? 'Ada';
}
