import { aServer } from './a-server.js';
import type { Loaded } from './http-load.js';
import { aCrowd, aLoad, aProgram, caughtUp, countedAll, type BenchProgram } from './http-sides.js';
import { alternate, median, rounded } from './rounds.js';
import { atLeast, type Fields, type Run } from './run.js';

/**
 * What durability costs a request, and what it costs others.
 *
 * The command is a like: it is the one that a crowd sends most, many sessions at once, each request at a prompt time of its own
 * and with a person's token and the prompt's. The same server also has a route that takes the same request, checks its shape
 * and the person's token, and does nothing; the ratio to it says what is left of the server's speed once the event is decided
 * on, on the disk, and on its way into the read models. The peer does the same command in one transaction of TypeORM, with its counters in it. Our read models are brought up
 * to date beside the requests, so what they still lack at the end of a round is waited for, and counts as our time.
 */
export const http: Run<'rounds' | 'seconds' | 'connections' | 'warm'> = {
  name: 'http',
  describe:
    'Durable commands over HTTP, against a route that does nothing and against the same command on NestJS and TypeORM.',
  options: {
    rounds: { default: 5, describe: 'how often the sides take turns' },
    seconds: { default: 4, describe: 'how long one side runs in a round' },
    connections: { default: 64, describe: 'requests under way at once' },
    warm: { default: 1, describe: 'rounds before the first that counts' },
  },
  secondsMax: ({ rounds, seconds, warm }) => 90 + (rounds + warm) * (seconds + 6) * 4,
  targets: [atLeast('ratio', 0.25), atLeast('peer_ratio', 3)],
  run: async ({ rounds, seconds, connections, warm }, stage) => {
    const server = await aServer(stage);
    const [ours, peer] = await Promise.all([
      aProgram('./http-program.js', await server.freshDatabase('ours'), server.folder, stage),
      aProgram('./peers/typeorm-program.js', await server.freshDatabase('peer'), server.folder, stage),
    ]);
    const load = aLoad(stage);
    const side =
      (program: BenchProgram, path: string, keyed = false) =>
      async (): Promise<Round> => {
        const people = await aCrowd(program, { people: connections * peoplePerConnection, prompts: connections });
        const loaded = await load({ url: program.url, path: `/api/1/${path}`, seconds, connections, keyed, people });
        if (loaded.failed > 0) throw new Error(`${String(loaded.failed)} requests to ${path} failed.`);
        return { ...loaded, behindMs: program === ours ? await caughtUp(ours, stage.signal) : 0 };
      };
    const command = 'interactive_prompts/events/like';
    const sides = { nothing: side(ours, 'bench/nothing'), command: side(ours, command), peer: side(peer, command) };
    // The first requests find nothing compiled, connected or cached.
    await alternate(sides, { rounds: warm, signal: stage.signal });
    const all = { ...sides, keyed: side(ours, command, true) };
    const measured = await alternate(all, {
      rounds,
      signal: stage.signal,
      after: (name, { perSecond, p99Ms }) => {
        stage.say(`${name}: ${String(Math.round(perSecond))} per second, p99 ${String(p99Ms)} ms`);
      },
    });
    await countedAll(ours, 'read.event_counts', `log.events where data ->> 'promptTime' is not null`);
    await countedAll(peer, 'event_counts', 'events');
    return { connections, ...compared(measured) };
  },
};

interface Round extends Loaded {
  /** From the last answer until the read models showed everything. */
  readonly behindMs: number;
}

function compared(measured: ReadonlyMap<'nothing' | 'command' | 'peer' | 'keyed', readonly Round[]>): Fields {
  const middle = (side: 'nothing' | 'command' | 'peer' | 'keyed', of: (round: Round) => number): number =>
    median((measured.get(side) ?? []).map(of));
  const perSecond = (round: Round): number => round.perSecond;
  const withReadModels = (round: Round): number =>
    round.accepted / (round.accepted / round.perSecond + round.behindMs / 1_000);
  const behindMs = (measured.get('command') ?? []).map((round) => round.behindMs);
  return {
    commands_per_s: rounded(middle('command', perSecond)),
    nothing_per_s: rounded(middle('nothing', perSecond)),
    ratio: rounded(middle('command', perSecond) / middle('nothing', perSecond)),
    with_read_models_per_s: rounded(middle('command', withReadModels)),
    peer_per_s: rounded(middle('peer', perSecond)),
    peer_ratio: rounded(middle('command', withReadModels) / middle('peer', perSecond)),
    with_idempotency_key_per_s: rounded(middle('keyed', perSecond)),
    p50_ms: rounded(middle('command', ({ p50Ms }) => p50Ms)),
    p99_ms: rounded(middle('command', ({ p99Ms }) => p99Ms)),
    peer_p50_ms: rounded(middle('peer', ({ p50Ms }) => p50Ms)),
    peer_p99_ms: rounded(middle('peer', ({ p99Ms }) => p99Ms)),
    read_models_behind_ms: rounded(Math.max(...behindMs)),
  };
}

/** So many sessions in a prompt of their own: in a crowded one the peer would spend its time waiting for counters. */
const peoplePerConnection = 4;
