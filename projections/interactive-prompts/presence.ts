/**
 * When somebody is in a prompt, across all their sessions there: how the number of their sessions changes, as
 * `[bin, by, bin, by, …]` in the order of the bins. Bins where nothing changes in the end are left out, so it is about as long
 * as the person has sessions, and never longer than two numbers for each bin.
 */
export type Presence = readonly number[];

export interface Step {
  readonly bin: number;
  readonly by: number;
}

/** One more session from a bin on, or one less: and what that makes of the number of people, who count once however often they are there. */
export function afterStep(
  presence: Presence,
  step: Step,
): { readonly presence: Presence; readonly people: readonly Step[] } {
  const before = stepsOf(presence);
  return { presence: presenceOf([...before, step]), people: difference(before, step) };
}

function stepsOf(presence: Presence): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at + 1 < presence.length; at += 2) steps.push({ bin: presence[at] ?? 0, by: presence[at + 1] ?? 0 });
  return steps;
}

function presenceOf(steps: readonly Step[]): Presence {
  const sums = new Map<number, number>();
  for (const { bin, by } of steps) sums.set(bin, (sums.get(bin) ?? 0) + by);
  return [...sums]
    .filter(([, by]) => by !== 0)
    .toSorted(([one], [other]) => one - other)
    .flat();
}

function difference(before: readonly Step[], { bin: from, by }: Step): Step[] {
  const laterBins = before.map(({ bin }) => bin).filter((bin) => bin > from);
  const people: Step[] = [];
  let difference = 0;
  for (const bin of [from, ...laterBins]) {
    const sessions = before.reduce((sum, step) => (step.bin <= bin ? sum + step.by : sum), 0);
    const here = Number(sessions + by > 0) - Number(sessions > 0);
    if (here !== difference) people.push({ bin, by: here - difference });
    difference = here;
  }
  return people;
}
