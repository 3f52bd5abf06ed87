import { binsOf } from '../../projections/interactive-prompts/bins.js';
import { issueKey, issueUserToken } from '../../src/platform/auth/tokens.js';
import { Database } from '../../src/platform/database/database.js';
import { aServer } from './a-server.js';
import { aChild, aProgram, caughtUp, messageOf, secrets } from './http-sides.js';
import { alternate, median, rounded } from './rounds.js';
import { atLeast, atMost, type Run } from './run.js';
import { fillLog, promptOf } from './stats-crowd.js';
import { StatsLoaded, type StatsJob } from './stats-load.js';

/**
 * What watching a crowd costs: the stats of one bin over HTTP, bin after bin, against a route of the same server that does nothing,
 * and for a prompt with a great many events against one with few. The log is filled beforehand, and the read models have seen all
 * of it; so it is the copy in memory that is measured, and what it costs to find the way there.
 */
export const stats: Run<'events' | 'rounds' | 'seconds' | 'connections'> = {
  name: 'stats',
  describe: 'Stats of one bin over HTTP, against a route that does nothing, for a small and for a huge crowd.',
  options: {
    events: { default: 1_000_000, describe: 'how many events the huge crowd has' },
    rounds: { default: 5, describe: 'how often the sides take turns' },
    seconds: { default: 3, describe: 'how long one side runs in a round' },
    connections: { default: 64, describe: 'requests under way at once' },
  },
  secondsMax: ({ events, rounds, seconds }) => 120 + events / 1_000 + rounds * (seconds + 3) * 3,
  targets: [atLeast('ratio', 0.5), atLeast('growth', 0.9), atMost('growth', 1.1)],
  run: async ({ events, rounds, seconds, connections }, stage) => {
    const server = await aServer(stage);
    const url = await server.freshDatabase('stats');
    const [few, many] = [promptOf('few'), promptOf('many')];
    const database = await Database.open({ url, connectionsMax: 4 });
    await database.migrate();
    await fillLog(
      database,
      new Map([
        [few, 1_000],
        [many, events],
      ]),
    );
    await database.close();
    stage.say(`The log has its ${String(events)} events.`);
    const program = await aProgram('./http-program.js', url, server.folder, stage);
    stage.say(
      `Every read model has seen them after ${String(Math.round((await caughtUp(program, stage.signal)) / 1_000))} s.`,
    );

    const loader = aChild('./stats-load.js', { PATH: process.env['PATH'] }, stage);
    const side = (job: Pick<StatsJob, 'paths' | 'authorization'>) => async (): Promise<StatsLoaded> => {
      loader.send({ ...job, url: program.url, seconds, connections } satisfies StatsJob);
      const loaded = StatsLoaded.parse(await messageOf(loader));
      if (loaded.failed > 0) throw new Error(`${String(loaded.failed)} requests failed.`);
      return loaded;
    };
    const everyBin = (route: string, uid: string): string[] =>
      Array.from({ length: binsOf(60) }, (_, bin) => `/api/1/${route}?uid=${uid}&bin=${String(bin)}`);
    const key = (sub: string): string =>
      `bearer ${issueKey('interactivePrompt', secrets.OSEH_INTERACTIVE_PROMPT_JWT_SECRET, { sub, lifeSeconds: 3_600 })}`;
    const person = `bearer ${issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: 'somebody' })}`;
    const sides = {
      nothing: side({ paths: everyBin('bench/nothing', few), authorization: person }),
      few: side({ paths: everyBin('interactive_prompts/events/stats', few), authorization: key(few) }),
      many: side({ paths: everyBin('interactive_prompts/events/stats', many), authorization: key(many) }),
    };
    await alternate(sides, { rounds: 1, signal: stage.signal });
    const measured = await alternate(sides, {
      rounds,
      signal: stage.signal,
      after: (name, { perSecond }) => {
        stage.say(`${name}: ${String(Math.round(perSecond))} per second`);
      },
    });
    const middle = (name: keyof typeof sides, of: (loaded: StatsLoaded) => number): number =>
      median((measured.get(name) ?? []).map(of));
    const perSecond = (name: keyof typeof sides): number => middle(name, (loaded) => loaded.perSecond);
    return {
      events,
      stats_per_s: rounded(perSecond('many')),
      nothing_per_s: rounded(perSecond('nothing')),
      ratio: rounded(perSecond('many') / perSecond('nothing')),
      with_1000_events_per_s: rounded(perSecond('few')),
      growth: rounded(perSecond('many') / perSecond('few')),
      p99_ms: rounded(middle('many', ({ p99Ms }) => p99Ms)),
    };
  },
};
