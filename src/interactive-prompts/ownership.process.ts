import { Departures, DeparturesHandler } from '../../projections/people/departed-people.js';
import { SessionsOfPerson, SessionsOfPersonHandler } from '../../projections/people/sessions-of-person.js';
import { PromptEventUid, type PromptSessionUid, type UserSub } from '../kernel/ids.js';
import type { UnixSeconds } from '../kernel/instant.js';
import type { PersonEvent } from '../people/person.js';
import type { RecordedEvent } from '../platform/event-store/event-store.js';
import { derivedUid } from '../platform/ids/uids.js';
import {
  type InformedProcess,
  type Process,
  type ProcessSources,
  type Reaction,
  TryLater,
} from '../platform/reacting/process.js';
import { PromptSessionCommand } from './interactive-prompts.bus.js';
import type { PromptSessionEvent } from './prompt-session.js';
import type { PromptSessionWish } from './prompt-session-wishes.js';

/**
 * What becomes of somebody's sessions when they are gone: they pass to the account that took over, or are forgotten with the
 * person.
 *
 * A session can also come to somebody who is gone by then, when accounts are merged one after the other. So whoever gets one is
 * looked at, too.
 */
type Heard = PersonEvent | PromptSessionEvent;

export const ownership: InformedProcess<Heard> = (sources): Process<Heard> => ({
  name: 'prompt_session_ownership',
  startsAt: 'beginning',
  on: {
    PersonMerged: ({ from, into, at }, reaction, recorded) =>
      eachSession(sources, from, recorded, (sessionUid) => move({ reaction, sessionUid, from, to: into, at })),
    PersonErased: ({ userSub, at }, reaction, recorded) =>
      eachSession(sources, userSub, recorded, (sessionUid) => erase({ reaction, sessionUid, userSub, recorded, at })),
    SessionOwnerChanged: async ({ sessionUid, newOwner, at }, reaction, recorded) => {
      await seen(sources, 'departed_people', recorded);
      const departures = await new DeparturesHandler(sources.readModels).execute(new Departures([newOwner]));
      const departure = departures.get(newOwner);
      if (departure === undefined) return;
      if (departure.kind === 'erased') await erase({ reaction, sessionUid, userSub: newOwner, recorded, at });
      else await move({ reaction, sessionUid, from: newOwner, to: departure.into, at });
    },
  },
});

/** Always the same ones in the same order, however often the event comes: what is sent is told apart by its place in it. */
async function eachSession(
  sources: ProcessSources,
  userSub: UserSub,
  recorded: RecordedEvent,
  act: (sessionUid: PromptSessionUid) => Promise<void>,
): Promise<void> {
  await seen(sources, 'person_sessions', recorded);
  const sessions = new SessionsOfPersonHandler(sources.readModels);
  let after = 0;
  for (;;) {
    const page = await sessions.execute(new SessionsOfPerson(userSub, after, Number(recorded.position)));
    for (const { sessionUid, since } of page) {
      await act(sessionUid);
      after = since;
    }
    if (page.length === 0) return;
  }
}

const waitMs = 5_000;

async function seen({ progress }: ProcessSources, readModel: string, { position }: RecordedEvent): Promise<void> {
  const { reached, at } = await progress.waitFor(readModel, position, waitMs);
  if (!reached) throw new TryLater(`${readModel} is at ${String(at)}, not yet at ${String(position)}.`);
}

interface Session {
  readonly reaction: Reaction;
  readonly sessionUid: PromptSessionUid;
  readonly at: UnixSeconds;
}

interface Moving extends Session {
  readonly from: UserSub;
  readonly to: UserSub;
}

interface Erasing extends Session {
  readonly userSub: UserSub;
  readonly recorded: RecordedEvent;
}

async function move({ reaction, sessionUid, from, to, at }: Moving): Promise<void> {
  const wish: PromptSessionWish = { type: 'ChangeOwner', from, to, at };
  await reaction.send(PromptSessionCommand, sessionUid, wish);
}

async function erase({ reaction, sessionUid, userSub, recorded, at }: Erasing): Promise<void> {
  const uid = (what: string) => derivedUid('ipe', PromptEventUid, `${recorded.id} ${sessionUid} ${what}`);
  const ids = { eventUid: uid('left'), releaseUid: uid('released') };
  const wish: PromptSessionWish = { type: 'EraseSession', userSub, ...ids, at };
  await reaction.send(PromptSessionCommand, sessionUid, wish);
}
