import { setTimeout as sleep } from 'node:timers/promises';
import { ImageUid } from '../kernel/ids.js';
import { issueUserToken } from '../platform/auth/tokens.js';
import type { Config } from '../platform/config/config.js';
import { withSecrets } from '../platform/config/secrets.js';
import { derivedUid } from '../platform/ids/uids.js';
import { DemoPerson, type Session } from './demo-person.js';
import { type DemoPrompt, diceOf, type Dice, givenNameOf, planOf, type Step } from './demo-plan.js';
import { demoProgram } from './demo-program.js';
import { printJson, printLine } from './output.js';

export interface DemoOrder {
  readonly url: string | undefined;
  readonly people: number;
  readonly seconds: number | undefined;
  readonly prompt: DemoPrompt;
  readonly seed: number;
  readonly json: boolean;
}

const durationSeconds = 60;
const atOnce = 8;
const reportMs = 10_000;

/**
 * A crowd in a prompt, until it is enough. First everybody tells a whole stay at once, so that whoever comes sees something from
 * their first second to their last; then they come and go as people do.
 */
export async function demonstrate(config: Config, order: DemoOrder): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const { config: signing } = await withSecrets(config);
  const program = await demoProgram(config, order.url);
  try {
    const person = (sub: string, claims: { readonly admin?: boolean; readonly givenName?: string }) =>
      new DemoPerson(program.url, issueUserToken(signing.OSEH_ID_TOKEN_SECRET, { sub, ...claims }));
    const promptUid = await person('demo-host', { admin: true }).create(order.prompt, durationSeconds);
    const show = new Show(order, promptUid, stop.signal);
    const link = `${program.url}/demo?prompt=${promptUid}`;
    show.report('ready', { link, prompt_uid: promptUid, started_the_program: program.isOurs });
    if (order.seconds !== undefined) setTimeout(end, order.seconds * 1_000).unref();
    await show.dress((index) => person(`demo-${String(index)}`, { givenName: givenNameOf(index) }));
    await show.fill();
    await show.play();
    show.report('ended', show.counted);
  } finally {
    await program.stop();
  }
}

type Facts = Readonly<Record<string, string | number | boolean>>;

class Show {
  private readonly people: { readonly person: DemoPerson; readonly dice: Dice }[] = [];
  private sessions = 0;
  private told = 0;
  private refused = 0;

  constructor(
    private readonly order: DemoOrder,
    private readonly promptUid: string,
    private readonly stopped: AbortSignal,
  ) {}

  get counted(): Facts {
    return { sessions: this.sessions, events: this.told, refused: this.refused };
  }

  /** Everybody gets a name and a face. */
  async dress(personAt: (index: number) => DemoPerson): Promise<void> {
    const { people, seed } = this.order;
    await inParallel(people, async (index) => {
      const person = personAt(index);
      await person.wear(derivedUid('if', ImageUid, `demo ${String(seed)} ${String(index)}`));
      this.people.push({ person, dice: diceOf(seed * 10_007 + index) });
    });
  }

  async fill(): Promise<void> {
    const startedAt = performance.now();
    await inParallel(this.people.length, async (index) => {
      const someone = this.people[index];
      if (someone === undefined || this.stopped.aborted) return;
      const session = await this.enter(someone.person);
      for (const step of planOf(this.order.prompt, durationSeconds, someone.dice)) {
        await this.tell(someone.person, session, step);
      }
    });
    this.report('filled', { ...this.counted, ms: Math.round(performance.now() - startedAt) });
  }

  /** Until it is stopped; whoever is in the prompt then leaves it. */
  async play(): Promise<void> {
    const reporting = setInterval(() => this.report('playing', this.counted), reportMs);
    try {
      await Promise.all(this.people.map((someone) => this.comeAndGo(someone)));
    } finally {
      clearInterval(reporting);
    }
  }

  private async comeAndGo({ person, dice }: { readonly person: DemoPerson; readonly dice: Dice }): Promise<void> {
    await this.pause(dice() * durationSeconds * 0.5);
    while (!this.stopped.aborted) {
      await this.stay(person, planOf(this.order.prompt, durationSeconds, dice));
      await this.pause(dice() * durationSeconds * 0.4);
    }
  }

  private async stay(person: DemoPerson, plan: readonly Step[]): Promise<void> {
    const session = await this.enter(person);
    const startedAt = performance.now();
    for (const [index, step] of plan.entries()) {
      await this.pause(step.promptTime - (performance.now() - startedAt) / 1_000);
      if (!this.stopped.aborted) await this.tell(person, session, step);
      else if (index > 0) return this.leaveEarly(person, session, startedAt);
      else return;
    }
  }

  private leaveEarly(person: DemoPerson, session: Session, startedAt: number): Promise<void> {
    const promptTime = Math.min(durationSeconds, (performance.now() - startedAt) / 1_000);
    return this.tell(person, session, { event: 'leave', promptTime, data: {} });
  }

  private async enter(person: DemoPerson): Promise<Session> {
    const session = await person.start(this.promptUid);
    this.sessions += 1;
    return session;
  }

  private async tell(person: DemoPerson, session: Session, step: Step): Promise<void> {
    if (await person.tell(session, step)) this.told += 1;
    else this.refused += 1;
  }

  private async pause(seconds: number): Promise<void> {
    if (seconds <= 0 || this.stopped.aborted) return;
    // Being stopped ends a pause early, and whoever paused looks for that.
    await sleep(seconds * 1_000, undefined, { signal: this.stopped }).catch(() => undefined);
  }

  report(phase: string, facts: Facts): void {
    if (this.order.json) printJson({ phase, ...facts });
    else printLine(sentences[phase]?.(facts) ?? phase);
  }
}

const text = (fact: string | number | boolean | undefined): string =>
  typeof fact === 'number' ? fact.toLocaleString('en') : String(fact);

const sentences: Readonly<Record<string, (facts: Facts) => string>> = {
  ready: ({ link }) => `\nWatch it and take part:\n\n${text(link)}\n`,
  filled: ({ sessions, events }) =>
    `${text(sessions)} people were there before you: ${text(events)} events. They come and go now; Ctrl-C ends it.`,
  playing: ({ sessions, events }) => `${text(sessions)} sessions, ${text(events)} events so far`,
  ended: ({ sessions, events }) => `It is over: ${text(sessions)} sessions, ${text(events)} events.`,
};

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
