import autocannon from 'autocannon';
import { z } from 'zod';

/** The process that asks for stats, one bin after the other, so that asking doesn't compete with answering for one thread. */
export const StatsJob = z.object({
  url: z.string(),
  paths: z.array(z.string()),
  authorization: z.string(),
  seconds: z.number(),
  connections: z.int(),
});
export type StatsJob = z.infer<typeof StatsJob>;

export const StatsLoaded = z.object({ perSecond: z.number(), p99Ms: z.number(), failed: z.int() });
export type StatsLoaded = z.infer<typeof StatsLoaded>;

async function load({ url, paths, authorization, seconds, connections }: StatsJob): Promise<StatsLoaded> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    sampleInt: 100,
    headers: { authorization },
    requests: paths.map((path) => ({ method: 'GET', path })),
  });
  const { '2xx': answered, non2xx, errors, timeouts } = result;
  return { perSecond: answered / result.duration, p99Ms: result.latency.p99, failed: non2xx + errors + timeouts };
}

if (process.send !== undefined) {
  process.on('message', (job) => {
    void load(StatsJob.parse(job)).then((loaded) => process.send?.(loaded));
  });
}
