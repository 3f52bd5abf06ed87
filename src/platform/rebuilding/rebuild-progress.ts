import { z } from 'zod';
import { Plan, Report, requests, states, type Rebuild } from './rebuild.js';

/** A rebuild as it is told to people and programs: in a terminal, as JSON lines and over HTTP. */
export const RebuildProgress = z
  .object({
    projection: z.string(),
    version: z.number(),
    rebuild: z.string(),
    pass: z.string().describe('Rebuilds of one pass read the log together'),
    reason: z.enum(['asked', 'version']),
    state: z.enum(states),
    request: z.enum(requests).nullable().describe('What was asked for and is not done yet'),
    problem: z.string().nullable().describe('Why it does not go on by itself'),
    paused: z.boolean(),
    percent: z.number().describe('Of the log, up to where the live build was when it began'),
    position: z.number().nullable(),
    target: z.number(),
    events: z.number(),
    events_per_s: z.number(),
    seconds_left: z.number().nullable(),
    expected: z.array(z.string()).describe('Differences that somebody named'),
    throttle: z.number().nullable().describe('Events a second at most'),
    plan: Plan.nullable(),
    report: Report.nullable().describe('The latest comparison of the two builds'),
    steps: z.record(z.string(), z.string()).describe('When it came to each state'),
    grace_until: z.string().nullable().describe('When the former build is dropped'),
  })
  .meta({ id: 'RebuildProgress' });
export type RebuildProgress = Readonly<z.infer<typeof RebuildProgress>>;

export function progressOf(rebuild: Rebuild): RebuildProgress {
  const { state, position, graceUntil } = rebuild;
  const isReading = state === 'planned' || state === 'replaying';
  return {
    projection: rebuild.projection,
    version: rebuild.version,
    rebuild: rebuild.rebuild,
    pass: rebuild.pass,
    reason: rebuild.reason,
    state,
    request: rebuild.request,
    problem: rebuild.problem,
    paused: rebuild.pausedAt !== null,
    percent: isReading ? percentRead(rebuild) : 100,
    position: position === null ? null : Number(position),
    target: Number(rebuild.target),
    events: rebuild.events,
    events_per_s: Math.round(rebuild.eventsPerS),
    seconds_left: isReading ? secondsLeft(rebuild) : null,
    expected: [...rebuild.expected],
    throttle: rebuild.throttle,
    plan: rebuild.plan,
    report: rebuild.report,
    steps: stepsOf(rebuild),
    grace_until: graceUntil?.toISOString() ?? null,
  };
}

/** In their order; the database keeps them in another. */
function stepsOf({ steps }: Rebuild): Record<string, string> {
  const reached = states.flatMap((state) => {
    const at = steps[state];
    return at === undefined ? [] : [[state, new Date(at).toISOString()] as const];
  });
  return Object.fromEntries(reached);
}

function percentRead({ state, position, target }: Rebuild): number {
  if (state === 'planned') return 0;
  return target === 0n ? 100 : Math.min(100, Math.floor((Number(position ?? 0n) / Number(target)) * 100));
}

function secondsLeft({ plan, events, eventsPerS }: Rebuild): number | null {
  return plan === null || eventsPerS === 0 ? null : Math.ceil(Math.max(0, plan.events - events) / eventsPerS);
}
