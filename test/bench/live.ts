import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { aServer } from './a-server.js';
import { aCrowd, aChild, aProgram, caughtUp, messageOf, type BenchProgram } from './http-sides.js';
import { sendLikes, type Likes } from './live-likes.js';
import { WatchersReport, type WatchersJob } from './live-watchers-process.js';
import { machineMs } from './machine-clock.js';
import { Usage, usageQuestion } from './process-usage.js';
import { median, percentile, rounded } from './rounds.js';
import { atMost, zero, type Fields, type Run, type Stage } from './run.js';

/**
 * What it costs to tell a crowd of watchers what a crowd of people does, and how long it takes.
 *
 * All watchers of one prompt are connected to one process; the people send their likes to another one of the same database, so
 * what the first one spends is spent on watching: on following the log, on telling, and on asking each watcher's line how long
 * it is. Delivery is timed from the moment when a sender had the answer to their like, which comes after the commit, until a
 * watcher's process has the packet; the quarter of a second for which a batch is gathered is in it. The peer is then given the
 * same texts and sends them at the same intervals to as many clients, and does nothing else.
 */
export const live: Run<'watchers' | 'rounds' | 'seconds' | 'commands' | 'processes'> = {
  name: 'live',
  describe:
    'Telling the watchers of one prompt of what is done in it, against the plainest broadcast of the same texts.',
  options: {
    watchers: { default: 2_000, describe: 'how many watch, up to 5,000' },
    rounds: { default: 3, describe: 'how often the sides take turns' },
    seconds: { default: 10, describe: 'how long likes are sent in a round, up to 200' },
    commands: { default: 200, describe: 'likes a second' },
    processes: { default: 4, describe: 'processes that the watchers are in' },
  },
  secondsMax: ({ watchers, rounds, seconds }) => 60 + rounds * (2 * seconds + 30 + watchers / 50),
  targets: [zero('lost'), zero('out_of_order'), atMost('ratio', 2.5)],
  run: async ({ watchers, rounds, seconds, commands, processes }, stage) => {
    const server = await aServer(stage);
    const url = await server.freshDatabase('live');
    const crowd = new Watchers(watchers, processes, stage);
    const [telling, peer] = await Promise.all([
      aProgram('./http-program.js', url, server.folder, stage),
      aProgram('./peers/ws-broadcast-program.js', url, server.folder, stage),
    ]);
    const watched = await aProgram('./live-program.js', url, server.folder, stage, {
      CHORUS_ROLE: 'api',
      PORT: '0',
      LIVE_CONNECTIONS_PER_ADDRESS_MAX: '10000',
    });
    const all: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const ours = await ourRound({ telling, watched, crowd }, { seconds, commands }, stage);
      const theirs = await peerRound(peer, crowd, ours);
      all.push({ ...ours, peer: theirs });
      stage.say(
        `${String(ours.likes.size)} likes: ${ours.spent.toFixed(2)} s of CPU, and ${theirs.spent.toFixed(2)} s of the peer`,
      );
    }
    return { watchers, ...compared(all, watchers, stage) };
  },
};

interface Side {
  /** CPU seconds, and how many seconds it took to spend them. */
  readonly spent: number;
  readonly seconds: number;
  readonly bytesPerWatcher: number;
}

interface OurRound extends Side {
  readonly likes: Likes;
  readonly seen: WatchersReport;
  readonly beganAtMs: number;
}

interface Round extends OurRound {
  readonly peer: Side;
}

/** What is still under way when the last like was answered has come by then. */
const settleMs = 1_000;
const senders = 50;

async function ourRound(
  { telling, watched, crowd }: { telling: BenchProgram; watched: BenchProgram; crowd: Watchers },
  load: { readonly seconds: number; readonly commands: number },
  { signal }: Stage,
): Promise<OurRound> {
  const beganAtMs = machineMs();
  const people = await aCrowd(telling, { people: senders, prompts: 1 });
  const [somebody] = people;
  if (somebody === undefined) throw new Error('Nobody came.');
  await caughtUp(telling, signal);
  const before = await usageOf(watched);
  const { promptUid, jwt } = somebody;
  await crowd.connect(watched.url, { promptUid, jwt, beganAtMs });
  const connected = await usageOf(watched);
  const startedAtMs = machineMs();
  const likes = await sendLikes(telling, people, { ...load, beganAtMs, signal });
  await sleep(settleMs);
  const spending = spentSince(connected, await usageOf(watched), startedAtMs);
  const seen = await crowd.report();
  const bytesPerWatcher = (connected.residentBytes - before.residentBytes) / crowd.size;
  return { ...spending, bytesPerWatcher, likes, seen, beganAtMs: startedAtMs };
}

async function peerRound(peer: BenchProgram, crowd: Watchers, { seen, beganAtMs }: OurRound): Promise<Side> {
  const before = await usageOf(peer);
  await crowd.connect(peer.url);
  const batches = schedule(seen, beganAtMs);
  peer.process.send({ batches });
  await messageOf(peer.process);
  const connected = await usageOf(peer);
  const startedAtMs = machineMs();
  peer.process.send('begin');
  await messageOf(peer.process);
  await sleep(settleMs);
  const spending = spentSince(connected, await usageOf(peer), startedAtMs);
  const got = (await crowd.report()).likes;
  const sent = batches.reduce((sum, { likes }) => sum + likes, 0);
  if (got.some((count) => count !== sent)) throw new Error('The peer did not tell everybody the same.');
  return { ...spending, bytesPerWatcher: (connected.residentBytes - before.residentBytes) / crowd.size };
}

async function usageOf({ process: child }: BenchProgram): Promise<Usage> {
  child.send(usageQuestion);
  return Usage.parse(await messageOf(child));
}

function spentSince(then: Usage, now: Usage, thenMs: number): Pick<Side, 'spent' | 'seconds'> {
  return { spent: now.cpuSeconds - then.cpuSeconds, seconds: (machineMs() - thenMs) / 1_000 };
}

/** What our watchers got, and when. A text that only a few got is none of the crowd's. */
function schedule({ batches }: WatchersReport, beganAtMs: number): Scheduled[] {
  const shared = batches.filter(({ arrivalsMs }) => arrivalsMs.length >= mostArrivals(batches) / 2);
  return shared
    .map(({ arrivalsMs, text, events }) => {
      const cameAtMs = arrivalsMs.reduce((first, at) => Math.min(first, at), Infinity);
      return { atMs: cameAtMs - beganAtMs, text, likes: events.length };
    })
    .sort((a, b) => a.atMs - b.atMs);
}

interface Scheduled {
  readonly atMs: number;
  readonly text: string;
  readonly likes: number;
}

function mostArrivals(batches: WatchersReport['batches']): number {
  return batches.reduce((most, { arrivalsMs }) => Math.max(most, arrivalsMs.length), 0);
}

/** The processes that the watchers are in, as if they were one. */
class Watchers {
  private readonly children: readonly ChildProcess[];

  constructor(
    readonly size: number,
    processes: number,
    stage: Stage,
  ) {
    const count = Math.max(1, Math.min(processes, size));
    this.children = Array.from({ length: count }, () =>
      aChild('./live-watchers-process.js', { PATH: process.env['PATH'] }, stage),
    );
  }

  async connect(
    url: string,
    handshake?: { readonly promptUid: string; readonly jwt: string; readonly beganAtMs: number },
  ): Promise<void> {
    const { size, children } = this;
    const share = (nth: number): number => Math.floor(((nth + 1) * size) / children.length);
    const jobs = children.map((child, nth) => ({ child, watchers: share(nth) - share(nth - 1) }));
    await Promise.all(
      jobs.map(async ({ child, watchers }) => {
        const job: WatchersJob = { what: 'connect', url, watchers, ...(handshake === undefined ? {} : { handshake }) };
        child.send(job);
        await messageOf(child);
      }),
    );
  }

  async report(): Promise<WatchersReport> {
    const reports = await Promise.all(
      this.children.map(async (child) => {
        child.send({ what: 'report' } satisfies WatchersJob);
        return WatchersReport.parse(await messageOf(child));
      }),
    );
    const byText = new Map<string, WatchersReport['batches'][number]>();
    for (const batch of reports.flatMap(({ batches }) => batches)) {
      const arrivalsMs = [...(byText.get(batch.text)?.arrivalsMs ?? []), ...batch.arrivalsMs];
      byText.set(batch.text, { ...batch, arrivalsMs });
    }
    return {
      batches: [...byText.values()],
      likes: reports.flatMap(({ likes }) => likes),
      outOfOrder: reports.reduce((sum, { outOfOrder }) => sum + outOfOrder, 0),
      closed: reports.flatMap(({ closed }) => closed),
    };
  }
}

function compared(all: readonly Round[], watchers: number, stage: Stage): Fields {
  for (const why of new Set(all.flatMap(({ seen }) => seen.closed))) stage.say(`Watchers were closed with ${why}`);
  const middle = (of: (round: Round) => number): number => rounded(median(all.map(of)));
  const delivery = all.map(deliveryMs);
  const lost = all.flatMap(({ likes, seen }) => seen.likes.map((count) => Math.max(0, likes.size - count)));
  return {
    commands_per_s: middle(({ likes, seconds }) => likes.size / (seconds - settleMs / 1_000)),
    likes: all.reduce((sum, { likes }) => sum + likes.size, 0),
    deliveries: all.reduce((sum, { seen }) => sum + seen.likes.reduce((own, count) => own + count, 0), 0),
    lost: lost.reduce((sum, count) => sum + count, 0),
    out_of_order: all.reduce((sum, { seen }) => sum + seen.outOfOrder, 0),
    delivery_p50_ms: rounded(median(delivery.map((ms) => percentile(ms, 50)))),
    delivery_p99_ms: rounded(median(delivery.map((ms) => percentile(ms, 99)))),
    cpu_s_per_s: middle(({ spent, seconds }) => spent / seconds),
    peer_cpu_s_per_s: middle(({ peer }) => peer.spent / peer.seconds),
    ratio: middle(({ spent, peer }) => spent / peer.spent),
    // A process keeps what it once got, so only those who came first show what they need.
    kib_per_watcher: rounded((all[0]?.bytesPerWatcher ?? Number.NaN) / 1_024),
    peer_kib_per_watcher: rounded((all[0]?.peer.bytesPerWatcher ?? Number.NaN) / 1_024),
    telling_s_per_million_deliveries: middle(({ spent, likes }) => (spent / (likes.size * watchers)) * 1e6),
  };
}

/** From the answer to each like until each watcher knew of it. */
function deliveryMs({ likes, seen }: OurRound): Float64Array {
  const count = seen.batches.reduce((sum, { events, arrivalsMs }) => sum + events.length * arrivalsMs.length, 0);
  const all = new Float64Array(count);
  let next = 0;
  for (const { events, arrivalsMs } of seen.batches) {
    for (const event of events) {
      const answeredAtMs = likes.get(event);
      if (answeredAtMs === undefined) throw new Error(`Watchers were told of ${event}, which nobody sent.`);
      for (const at of arrivalsMs) all[next++] = at - answeredAtMs;
    }
  }
  return all;
}
