import type { EventOf } from '../../src/kernel/event-family.js';
import { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import { promptEvents } from '../../src/interactive-prompts/prompt.js';
import { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';

/** Prompts that many people were in, written to the log as fast as it takes them: what counts here is how they are read. */
const durationSeconds = 60;
const eventsPerSession = 100;
const sessionsPerAppend = 100;
const createdAt = UnixSeconds.parse(1_700_000_000);

export const promptOf = (name: string): PromptUid => PromptUid.parse(`oseh_ip_${name.padStart(22, '0')}`);

export async function fillLog(database: Database, prompts: ReadonlyMap<PromptUid, number>): Promise<void> {
  const codec = new EventCodec([promptEvents, promptSessionEvents]);
  const appendEventsMax = eventsPerSession * sessionsPerAppend;
  const store = new PostgresEventStore(database, codec, {
    eventBytesMax: 10_000,
    appendEventsMax,
    appendQueueMax: appendEventsMax * 4,
  });
  const append = async (streams: readonly (readonly [string, readonly { readonly type: string }[]])[]) => {
    const writes = streams.map(([stream, events]) => ({ stream, expected: 'none', events }) as const);
    await store.append({ writes, metadata: { correlationId: 'bench' } });
  };
  let session = 0;
  for (const [promptUid, events] of prompts) {
    await append([[`prompt-${promptUid}`, [created(promptUid)]]]);
    const last = session + Math.ceil(events / eventsPerSession);
    while (session < last) {
      const some = Array.from({ length: Math.min(sessionsPerAppend, last - session) }, (_, nth) => session + nth);
      await append(some.map((n) => [`promptSession-${sessionNo(n)}`, stayOf(promptUid, n)]));
      session += some.length;
    }
  }
  await store.close();
}

const sessionNo = (n: number) => PromptSessionUid.parse(`oseh_ips_${String(n).padStart(22, '0')}`);

function created(promptUid: PromptUid): EventOf<typeof promptEvents> {
  const content = { style: 'word', text: 'Do you like it?', options: ['Yes', 'No', 'Well'] } as const;
  return {
    type: 'PromptCreated',
    promptUid,
    content: { ...content, options: [...content.options] },
    durationSeconds,
    createdAt,
  };
}

/** Joins, likes and answers by turns, and leaves at the end. */
function stayOf(promptUid: PromptUid, n: number): readonly EventOf<typeof promptSessionEvents>[] {
  const stay = {
    promptUid,
    sessionUid: sessionNo(n),
    userSub: UserSub.parse(`person-${String(n)}`),
    durationSeconds,
    createdAt,
  };
  const momentNo = (nth: number) => ({
    ...stay,
    eventUid: PromptEventUid.parse(`oseh_ipe_${String(n * eventsPerSession + nth).padStart(22, '0')}`),
    promptTime: (nth * durationSeconds) / eventsPerSession,
  });
  const middle = Array.from({ length: eventsPerSession - 2 }, (_, at) => {
    const nth = at + 1;
    if (nth % 2 === 1) return { type: 'PromptLiked', ...momentNo(nth) } as const;
    return {
      type: 'WordAnswered',
      ...momentNo(nth),
      index: nth % 3,
      previous: nth === 2 ? null : (nth - 2) % 3,
    } as const;
  });
  return [
    { type: 'SessionJoined', ...momentNo(0), name: 'Ann', origin: { kind: 'direct' } },
    ...middle,
    { type: 'SessionLeft', ...momentNo(eventsPerSession - 1), name: 'Ann', reason: 'left' },
  ];
}
