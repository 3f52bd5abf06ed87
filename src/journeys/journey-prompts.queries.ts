import { Injectable } from '@nestjs/common';
import { JourneyUid, PromptSessionUid, type PromptUid } from '../kernel/ids.js';
import { PromptsOfJourneys } from '../interactive-prompts/prompts-of-journeys.js';
import { hasAsked } from './journey.js';
import { Journeys, PromptSessionStates } from './journeys.bus.js';

/** Tells the prompts that clients of the journey era mean when they name a journey. */
@Injectable()
export class JourneyPrompts extends PromptsOfJourneys {
  constructor(
    private readonly journeys: Journeys,
    private readonly sessions: PromptSessionStates,
  ) {
    super();
  }

  override async current(journeyUid: string): Promise<PromptUid | undefined> {
    const uid = JourneyUid.safeParse(journeyUid);
    if (!uid.success) return undefined;
    const journey = await this.journeys.current(uid.data);
    return journey.phase === 'missing' ? undefined : journey.promptUid;
  }

  /**
   * The prompt of a session, if the journey asks it or ever did: whoever was in it when it was replaced may finish. Else the
   * journey's current one, so that a session of something else is not found in it.
   */
  async ofSession(journeyUid: string, sessionUid: string): Promise<PromptUid | undefined> {
    const uid = JourneyUid.safeParse(journeyUid);
    if (!uid.success) return undefined;
    const own = await this.promptOf(sessionUid);
    if (own !== undefined) {
      // That a prompt was the journey's never becomes untrue, so what was seen last is enough for a yes.
      const seen = await this.journeys.lastSeen(uid.data);
      if (seen.phase !== 'missing' && hasAsked(seen, own)) return own;
    }
    const journey = await this.journeys.current(uid.data);
    if (journey.phase === 'missing') return undefined;
    return own !== undefined && hasAsked(journey, own) ? own : journey.promptUid;
  }

  /** Which of some prompts are, or ever were, the journey's. */
  async askedBy(journeyUid: JourneyUid, promptUids: readonly PromptUid[]): Promise<readonly PromptUid[]> {
    const journey = await this.journeys.current(journeyUid);
    return journey.phase === 'missing' ? [] : promptUids.filter((promptUid) => hasAsked(journey, promptUid));
  }

  private async promptOf(sessionUid: string): Promise<PromptUid | undefined> {
    const uid = PromptSessionUid.safeParse(sessionUid);
    if (!uid.success) return undefined;
    const session = await this.sessions.lastSeen(uid.data);
    return 'promptUid' in session ? session.promptUid : undefined;
  }
}
