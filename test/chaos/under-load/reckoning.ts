import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Told } from './caller.js';
import type { Installation } from './installation.js';
import type { OpenPrompt } from './visitors.js';

/**
 * What is in the log, held against what callers were told, and what the read models say, held against a plain recount of the
 * log. Nothing here shares a line with the code it checks.
 */
/** Of whatever happened, what visitors have to do with. */
const Data = z.object({
  promptUid: z.string().optional(),
  sessionUid: z.string().optional(),
  eventUid: z.string().optional(),
  promptTime: z.number().optional(),
  durationSeconds: z.number().optional(),
  reason: z.string().optional(),
});

const LogRows = z.array(
  z.object({
    position: z.coerce.bigint(),
    stream: z.string(),
    version: z.int(),
    type: z.string(),
    data: Data,
    metadata: z.object({ commandId: z.string().optional(), actor: z.string().optional() }),
  }),
);
export type Logged = z.infer<typeof LogRows>[number];

export async function readLog({ ask }: Pick<Installation, 'ask'>): Promise<readonly Logged[]> {
  return LogRows.parse(
    await ask('select position, stream, version, type, data, metadata from log.events order by position'),
  );
}

const Answered = z.object({ uid: z.string(), session_uid: z.string().optional(), prompt_time: z.number().optional() });

const typeOf: Readonly<Record<string, string>> = {
  'admin/interactive_prompts': 'PromptCreated',
  'interactive_prompts/start': 'SessionOpened',
  'interactive_prompts/events/join': 'SessionJoined',
  'interactive_prompts/events/like': 'PromptLiked',
  'interactive_prompts/events/leave': 'SessionLeft',
};

/** Everything that somebody was told has happened, but that the log doesn't hold exactly as told. */
export function acknowledgedButLost(log: readonly Logged[], told: readonly Told[]): readonly string[] {
  const at = new Map(log.map((event) => [event.position, event]));
  return told.flatMap(({ route, status, position, body }) => {
    if (status !== 201) return [`${route} was refused with ${String(status)} ${JSON.stringify(body)}`];
    const answer = Answered.parse(body);
    const event = position === undefined ? undefined : at.get(position);
    const said = `${route} was answered with ${answer.uid} at ${String(position)}`;
    if (event === undefined) return [`${said}, and nothing is there`];
    if (event.type !== typeOf[route]) return [`${said}, and a ${event.type} is there`];
    return tellsTheSame(event, answer) ? [] : [`${said}, and ${JSON.stringify(event.data)} is there`];
  });
}

function tellsTheSame({ type, data }: Logged, { uid, session_uid, prompt_time }: z.infer<typeof Answered>): boolean {
  switch (type) {
    case 'PromptCreated':
      return data.promptUid === uid;
    case 'SessionOpened':
      return data.promptUid === uid && data.sessionUid === session_uid;
    default:
      return data.eventUid === uid && data.sessionUid === session_uid && data.promptTime === prompt_time;
  }
}

/** Commands that were carried out more than once, whether as the same command or as one that looks new. */
export function carriedOutTwice(log: readonly Logged[], told: readonly Told[]): readonly string[] {
  // What a visitor asks for is one event each. The program's own commands may well be several.
  const asked = new Set(told.map(({ actor }) => actor));
  const byVisitors = log.filter(({ metadata }) => asked.has(metadata.actor ?? ''));
  const commands = byVisitors.flatMap(({ metadata }) => metadata.commandId ?? []);
  const uids = log.flatMap(({ data }) => data.eventUid ?? []);
  // And each is done once in a session: at a moment of its own, or only once at all.
  const moments = log.flatMap(({ type, data: { sessionUid, promptTime } }) =>
    sessionUid === undefined
      ? []
      : `${type} of ${sessionUid}${type === 'PromptLiked' ? ` at ${String(promptTime)}` : ''}`,
  );
  return [commands, uids, moments].flatMap((all) => {
    const seen = new Set<string>();
    return all.filter((one) => seen.has(one) || !seen.add(one));
  });
}

export function positionGaps(log: readonly Logged[]): number {
  return Number(log.at(-1)?.position ?? 0n) - log.length;
}

/** Sessions that were joined and neither left nor ended by the program. */
export function stillRunning(log: readonly Logged[], sessions: ReadonlySet<string>): readonly string[] {
  const ended = new Set(log.filter(({ type }) => type === 'SessionLeft').map(({ data }) => data.sessionUid));
  return [...sessions].filter((session) => !ended.has(session));
}

/** Each answer of a read model that differs from counting by hand. */
async function projectionMismatches(
  { ask }: Pick<Installation, 'ask'>,
  log: readonly Logged[],
  prompts: readonly Pick<OpenPrompt, 'uid' | 'durationSeconds'>[],
): Promise<readonly string[]> {
  const counts = CountRows.parse(await ask('select prompt_uid, bucket, total from read.event_counts'));
  const sums = SumRows.parse(await ask('select prompt_uid, node, category, value, total from read.prefix_sums'));
  const happened = log.filter(({ data }) => data.promptTime !== undefined);
  return [...wrongCounts(happened, counts), ...prompts.flatMap((prompt) => wrongSums(happened, sums, prompt))];
}

/** Read models follow the log: what differs now is asked again until it is equal, or has had all the time it needs. */
export async function mismatchesOnceCaughtUp(
  installed: Pick<Installation, 'ask'>,
  log: readonly Logged[],
  prompts: readonly Pick<OpenPrompt, 'uid' | 'durationSeconds'>[],
  { signal, patienceMs = 20_000 }: { readonly signal: AbortSignal; readonly patienceMs?: number },
): Promise<readonly string[]> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    signal.throwIfAborted();
    const mismatches = await projectionMismatches(installed, log, prompts);
    if (mismatches.length === 0 || performance.now() >= giveUpAt) return mismatches;
    await sleep(100);
  }
}

const total = z.coerce.number();
const CountRows = z.array(z.object({ prompt_uid: z.string(), bucket: z.int(), total }));
const SumRows = z.array(
  z.object({ prompt_uid: z.string(), node: z.int(), category: z.string(), value: z.int(), total }),
);

function wrongCounts(happened: readonly Logged[], rows: z.infer<typeof CountRows>): readonly string[] {
  const counted = new Map<string, number>();
  for (const { data } of happened) {
    const second = `${String(data.promptUid)} ${String(Math.floor(data.promptTime ?? 0))}`;
    counted.set(second, (counted.get(second) ?? 0) + 1);
  }
  const shown = new Map(rows.map((row) => [`${row.prompt_uid} ${String(row.bucket)}`, row.total]));
  return [...new Set([...counted.keys(), ...shown.keys()])]
    .filter((second) => counted.get(second) !== shown.get(second))
    .map(
      (second) =>
        `event_counts: ${second} has ${String(shown.get(second))} and should have ${String(counted.get(second))}`,
    );
}

/** Node n of a Fenwick tree (counted from one) sums as many bins, up to bin n, as its lowest set bit says. */
function wrongSums(
  happened: readonly Logged[],
  rows: z.infer<typeof SumRows>,
  { uid, durationSeconds }: Pick<OpenPrompt, 'uid' | 'durationSeconds'>,
): readonly string[] {
  const bins = durationSeconds <= 1 ? 1 : 2 ** Math.ceil(Math.log2(durationSeconds)) - 1;
  const of = happened.filter(({ data }) => data.promptUid === uid);
  const inBin = ({ data }: Logged): number =>
    Math.min(bins, Math.floor((data.promptTime ?? 0) / (durationSeconds / bins)) + 1);
  const wrong: string[] = [];
  for (const [category, changes] of Object.entries({
    users: { SessionJoined: 1, SessionLeft: -1 },
    likes: { PromptLiked: 1 },
  })) {
    const change = new Map<string, number>(Object.entries(changes));
    for (let node = 1; node <= bins; node += 1) {
      const from = node - (node & -node);
      const sum = of.reduce(
        (soFar, event) => (inBin(event) > from && inBin(event) <= node ? soFar + (change.get(event.type) ?? 0) : soFar),
        0,
      );
      const shown = rows.filter((row) => row.prompt_uid === uid && row.node === node - 1 && row.category === category);
      const seen = shown.reduce((soFar, row) => soFar + row.total, 0);
      if (seen !== sum || shown.length > 1)
        wrong.push(
          `prefix_sums: ${category} of ${uid} at node ${String(node - 1)} is ${String(seen)} and should be ${String(sum)}`,
        );
    }
  }
  return wrong;
}
