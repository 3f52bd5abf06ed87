import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { binOf, binsOf } from '../../projections/interactive-prompts/bins.js';
import type { PromptUid } from '../kernel/ids.js';
import { Beats } from '../platform/live/beats.js';
import type { LiveConnection } from '../platform/live/live-connection.js';
import { LiveGateway } from '../platform/live/live-gateway.js';
import { packetUids } from '../platform/live/packet-uids.js';
import { textFrame, type Frame } from '../platform/live/text-frame.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Watch } from './watch.js';
import { handshake, type PacketError } from './watch-handshake.js';
import { isInWindow } from './watch-pace.js';
import {
  authResponsePacket,
  type Authorize,
  batchPacket,
  journeyNames,
  promptNames,
  statsPacket,
  type WatchNames,
} from './watch-packets.js';
import { type Moment, WatchRoom } from './watch-room.js';
import { WatchStats } from './watch-stats.js';
import { now, type WatchedMoment, WatchedMoments } from './watched-moments.queries.js';
import { noSuchPosition, tooLongAway, type UsablePrompt, WatchedPrompts } from './watched-prompts.queries.js';

const batchMs = 250;
const latencyMs = 2_000;
const statsMs = 1_000;
/** Whoever was away for longer starts anew, and reads what happened meanwhile by searching for it. */
const resumePositionsMax = 100_000;
/** Of what somebody missed: a few milliseconds’ work, and so at most this many in one batch. */
const missedPerTurnMax = 500;
const patientBytesMax = 65_536;
const backlogPollMs = 10;

type Room = WatchRoom<Frame>;

const log = new Logger('live watch');

/**
 * The live watch: everybody who watches a prompt is told what others do in it while they do it.
 *
 * Every process reads the end of the log anyway, once. What it reads goes into the rooms of the prompts that somebody watches
 * here, and a room tells its watchers a quarter of a second after something came into it. So all of them are told in the order of
 * the log, each thing once, whichever process it happened in; and somebody who names the position they know of goes on from there.
 */
@Injectable()
export class InteractivePromptsLive implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rooms = new Map<string, Room>();
  private readonly stats = new Map<PromptUid, WatchStats<Frame>>();
  private readonly beats = new Beats(latencyMs);
  private readonly newUid = packetUids();
  private readonly batches;
  private readonly droppedEvents;
  private tellingStats: NodeJS.Timeout | undefined;

  constructor(
    private readonly gateway: LiveGateway,
    private readonly moments: WatchedMoments,
    private readonly prompts: WatchedPrompts,
    metrics: Metrics,
  ) {
    this.batches = metrics.counter({
      name: 'chorus_live_batches_total',
      help: 'Batches of events: sent to watchers, and made for them; one may serve many.',
      labels: ['what'],
    });
    this.droppedEvents = metrics.counter({
      name: 'chorus_live_dropped_events_total',
      help: 'Events that a watcher was not sent, since their bandwidth was used up.',
    });
  }

  onModuleInit(): void {
    this.gateway.serve('/api/2/interactive_prompts/live', (connection) => this.attend(connection, promptNames));
    this.gateway.serve('/api/2/journeys/live', (connection) => this.attend(connection, journeyNames));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.moments.follow((moments) => {
      this.take(moments);
    });
    this.tellingStats = setInterval(() => {
      for (const stats of this.stats.values()) this.tellStats(stats);
    }, statsMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.tellingStats);
    this.beats.stop();
    await this.moments.close();
  }

  private async attend(connection: LiveConnection, names: WatchNames): Promise<void> {
    const { newUid } = this;
    const line = {
      receive: (withinMs: number) => connection.receive(withinMs),
      say: (packet: string) => {
        connection.send(textFrame(packet));
      },
      close: (why: 'refused' | 'garbage') => {
        connection.close(why);
      },
    };
    const done = await handshake(line, { names, now, newUid, admit: (authorize) => this.admit(authorize, names) });
    if (done === undefined || !connection.isOpen()) return;
    connection.expectNothing();

    const { authorize, admitted: prompt, offset } = done;
    const after = authorize.resume_from ?? this.at;
    const key = roomKey(names, prompt.promptUid);
    const watch: Watch<Frame> = new Watch<Frame>(
      { authorize, offset, durationSeconds: prompt.durationSeconds, after },
      {
        names,
        now,
        newUid,
        packet: textFrame,
        send: (frame) => {
          connection.send(frame);
        },
        over: () => {
          connection.close('over');
        },
        settledUpTo: () => this.settledUpTo(key, watch),
      },
    );
    connection.onEnd(() => {
      this.beats.remove(watch);
      this.leave(key, watch);
      this.forgetStats(prompt, watch);
    });
    line.say(authResponsePacket(newUid(), after));
    this.beats.add(watch);
    watch.beat();
    if (authorize.stats) this.addStats(prompt, watch);
    const seat = { names, promptUid: prompt.promptUid };
    while (connection.isOpen() && watch.after < this.at) await this.catchUp(connection, watch, seat);
    // Nothing happens between the last look at the log and here.
    if (connection.isOpen()) this.enter(key, watch);
  }

  private async admit(
    authorize: Authorize,
    names: WatchNames,
  ): Promise<UsablePrompt | { readonly error: PacketError }> {
    const admitted = await this.prompts.admit(authorize, names);
    const from = authorize.resume_from;
    if ('error' in admitted || from === undefined) return admitted;
    if (!(await this.moments.exists(from))) return { error: noSuchPosition };
    return this.at - from > resumePositionsMax ? { error: tooLongAway } : admitted;
  }

  private get at(): number {
    return this.moments.at;
  }

  private settledUpTo(key: string, watch: Watch<Frame>): number {
    const room = this.rooms.get(key);
    return room?.watchers.has(watch) === true ? room.settledUpTo(this.at) : 0;
  }

  private enter(key: string, watch: Watch<Frame>): void {
    const room = this.rooms.get(key) ?? new WatchRoom<Frame>((batch) => textFrame(batchPacket(this.newUid(), batch)));
    this.rooms.set(key, room);
    room.watchers.add(watch);
  }

  private leave(key: string, watch: Watch<Frame>): void {
    this.rooms.get(key)?.watchers.delete(watch);
    if (this.rooms.get(key)?.watchers.size === 0) this.rooms.delete(key);
  }

  private addStats(prompt: UsablePrompt, watch: Watch<Frame>): void {
    const { promptUid, durationSeconds } = prompt;
    const known = this.stats.get(promptUid);
    const stats =
      known ??
      new WatchStats<Frame>({
        lastBin: binsOf(durationSeconds) - 1,
        binAt: (time) => binOf(Math.max(0, time), durationSeconds),
        read: (bins) => this.prompts.statsOf(prompt, bins),
        packet: (bins) => textFrame(statsPacket(this.newUid(), bins)),
      });
    this.stats.set(promptUid, stats);
    stats.add(watch);
    this.tellStats(stats);
  }

  private forgetStats({ promptUid }: UsablePrompt, watch: Watch<Frame>): void {
    const stats = this.stats.get(promptUid);
    stats?.remove(watch);
    if (stats?.isEmpty === true) this.stats.delete(promptUid);
  }

  /** Whoever cannot be told now is told a second later. */
  private tellStats(stats: WatchStats<Frame>): void {
    stats.tell(now()).catch((error: unknown) => {
      log.warn(error);
    });
  }

  private take(moments: readonly WatchedMoment[]): void {
    const people = new Set<string>();
    for (const { promptUid, userSub, told } of moments) {
      for (const names of allNames) {
        const room = this.rooms.get(roomKey(names, promptUid));
        if (room === undefined) continue;
        people.add(userSub);
        if (room.take(told(names))) this.tellSoon(room);
      }
    }
    this.moments.learnFaces(people);
  }

  private tellSoon(room: Room): void {
    setTimeout(() => {
      const { packets, made, dropped } = room.tell(this.at);
      this.batches.inc({ what: 'sent' }, packets);
      this.batches.inc({ what: 'made' }, made);
      this.droppedEvents.inc(dropped);
    }, batchMs);
  }

  /** What somebody missed while they were away, as their window was then. It is not thinned, and comes no faster than it is read. */
  private async catchUp(connection: LiveConnection, watch: Watch<Frame>, { names, promptUid }: Seat): Promise<void> {
    const { moments, upTo } = await this.moments.missed(watch.after, promptUid);
    let seen: Missed[] = [];
    let looked = 0;
    for (const { userSub, told } of moments) {
      if (!connection.isOpen()) return;
      const moment = told(names);
      if (isInWindow(watch.window, moment.promptTime - moment.cameAt)) seen.push({ userSub, moment });
      looked += 1;
      if (looked % missedPerTurnMax > 0) continue;
      await this.tellMissed(connection, watch, seen);
      seen = [];
    }
    await this.tellMissed(connection, watch, seen);
    watch.after = upTo;
  }

  private async tellMissed(connection: LiveConnection, watch: Watch<Frame>, seen: readonly Missed[]): Promise<void> {
    await breathe();
    const position = seen.at(-1)?.moment.position;
    if (position === undefined) return;
    await this.moments.faces(seen.map(({ userSub }) => userSub));
    const batch = { items: seen.map(({ moment }) => moment.item()), dropped: 0, position };
    watch.send(textFrame(batchPacket(this.newUid(), batch)));
    watch.after = position;
    while (connection.isOpen() && connection.backlogBytes > patientBytesMax) await sleep(backlogPollMs);
  }
}

interface Missed {
  readonly userSub: string;
  readonly moment: Moment;
}

interface Seat {
  readonly names: WatchNames;
  readonly promptUid: PromptUid;
}

function roomKey({ subjectUid }: WatchNames, promptUid: PromptUid): string {
  return `${subjectUid} ${promptUid}`;
}

const allNames = [promptNames, journeyNames];
