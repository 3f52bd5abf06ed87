import { eventFamilies, upcasts } from '../../src/app/events.js';
import type { PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import type { PromptEvent } from '../../src/interactive-prompts/prompt.js';
import type { PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';

/**
 * What prompts leave behind, in pages: some prompts of every kind at a time, each with a few hundred stays that begin when they
 * like, so that everybody's likes and answers are mixed. The same for the same number of events, whoever asks.
 */
export function* promptEventPages(events: number): Generator<readonly Happened[], void, void> {
  const log = new PromptLog(randomOf(events));
  for (let left = events; left > 0;) {
    const count = Math.min(promptsTogether, Math.ceil(left / momentsOfPrompt));
    const together = Array.from({ length: count }, () => log.aPrompt());
    yield together.map(({ created }) => created);
    const moments = together.flatMap(({ stays }) => stays.flat()).sort((one, other) => one.at - other.at);
    const wanted = untilEnough(moments, left);
    for (let at = 0; at < wanted.length; at += eventsOfPage) yield wanted.slice(at, at + eventsOfPage);
    left -= wanted.filter(isMoment).length;
  }
}

/** The pages, in the log of the program. */
export async function fillPromptLog(database: Pick<Database, 'url' | 'pool'>, events: number): Promise<void> {
  const store = programsStore(database);
  for (const page of promptEventPages(events)) {
    const writes = [...Map.groupBy(page, ({ stream }) => stream)].map(
      ([stream, own]) => ({ stream, expected: 'any', events: own.map(({ event }) => event) }) as const,
    );
    await store.append({ writes, metadata: { correlationId: 'bench', actor: 'oseh_u_bench' } });
  }
  await store.close();
}

/** The log as the program has it. */
export function programsStore(database: Pick<Database, 'url' | 'pool'>): PostgresEventStore {
  return new PostgresEventStore(database, new EventCodec(eventFamilies, upcasts), {
    eventBytesMax: 100_000,
    appendEventsMax: eventsOfPage,
    appendQueueMax: 10_000,
  });
}

const promptsTogether = 8;
const staysOfPrompt = 250;
const momentsOfStay = 20;
const momentsOfPrompt = staysOfPrompt * momentsOfStay;
const peopleOfPrompt = 200;
/** Somebody's stay begins within so many seconds of the prompt's. */
const arrivalSeconds = 600;
const eventsOfPage = 4_000;
const createdAt = UnixSeconds.parse(1_700_000_000);

export interface Happened {
  readonly stream: string;
  /** Seconds by which the log is ordered. */
  readonly at: number;
  readonly event: PromptEvent | PromptSessionEvent;
}

/** An opening is of a stay, not of the crowd: no one counts it. */
function isMoment({ event }: Happened): boolean {
  return event.type !== 'SessionOpened';
}

function untilEnough(happened: readonly Happened[], wanted: number): readonly Happened[] {
  let counted = 0;
  return happened.filter((each) => {
    if (counted === wanted) return false;
    if (isMoment(each)) counted += 1;
    return true;
  });
}

const contents: readonly [PromptContent, ...PromptContent[]] = [
  { style: 'numeric', text: 'How are you?', min: 1, max: 10, step: 1 },
  { style: 'press', text: 'Breathe in.' },
  { style: 'color', text: 'Which colour is it?', colors: ['#112233', '#445566', '#778899', '#AABBCC'] },
  { style: 'word', text: 'Do you like it?', options: ['Yes', 'No', 'Well', 'Never', 'Always'] },
];
const durations = [60, 120, 240, 300];

class PromptLog {
  private prompts = 0;
  private stays = 0;
  private moments = 0;

  constructor(private readonly random: () => number) {}

  aPrompt(): { readonly created: Happened; readonly stays: readonly (readonly Happened[])[] } {
    const nth = (this.prompts += 1);
    const prompt = {
      promptUid: PromptUid.parse(`oseh_ip_${padded(nth)}`),
      durationSeconds: durations[nth % durations.length] ?? 60,
      content: contents[nth % contents.length] ?? contents[0],
    };
    const event = { type: 'PromptCreated', ...prompt, createdAt } as const;
    return {
      created: { stream: `prompt-${prompt.promptUid}`, at: 0, event },
      stays: Array.from({ length: staysOfPrompt }, () => this.aStay(prompt)),
    };
  }

  private aStay({ promptUid, durationSeconds, content }: Prompt): readonly Happened[] {
    const sessionUid = PromptSessionUid.parse(`oseh_ips_${padded((this.stays += 1))}`);
    const person = Math.floor(this.random() * peopleOfPrompt);
    const stay = { promptUid, sessionUid, userSub: UserSub.parse(`person-${String(person)}`) };
    const begin = this.random() * arrivalSeconds;
    const origin = { kind: 'direct' } as const;
    const times = Array.from({ length: momentsOfStay }, () => this.random() * durationSeconds).sort((a, b) => a - b);
    const answers = new Answers(content, this.random);
    const opened = { type: 'SessionOpened', ...stay, content, durationSeconds, createdAt, origin } as const;
    const events = times.map((promptTime, nth): PromptSessionEvent => {
      const eventUid = PromptEventUid.parse(`oseh_ipe_${padded((this.moments += 1))}`);
      const moment = { ...stay, eventUid, promptTime, durationSeconds, createdAt };
      if (nth === 0) return { type: 'SessionJoined', ...moment, name: 'Ann', origin };
      if (nth === times.length - 1) return { type: 'SessionLeft', ...moment, name: 'Ann', reason: 'left' };
      return this.random() < 0.3 ? { type: 'PromptLiked', ...moment } : { ...moment, ...answers.next() };
    });
    const stream = `promptSession-${sessionUid}`;
    return [opened, ...events].map((event) => ({
      stream,
      event,
      at: begin + ('promptTime' in event ? event.promptTime : 0),
    }));
  }
}

interface Prompt {
  readonly promptUid: PromptUid;
  readonly durationSeconds: number;
  readonly content: PromptContent;
}

/** What one person answers, one thing after the other. */
class Answers {
  private previous: number | null = null;
  private isPressing = false;

  constructor(
    private readonly content: PromptContent,
    private readonly random: () => number,
  ) {}

  next() {
    const { content, previous } = this;
    switch (content.style) {
      case 'press':
        this.isPressing = !this.isPressing;
        return { type: this.isPressing ? 'PressStarted' : 'PressEnded' } as const;
      case 'numeric':
        return { type: 'NumberAnswered', rating: this.chosen(content.max), previous } as const;
      case 'color':
        return { type: 'ColorAnswered', index: this.chosen(content.colors.length), previous } as const;
      case 'word':
        return { type: 'WordAnswered', index: this.chosen(content.options.length), previous } as const;
    }
  }

  private chosen(of: number): number {
    this.previous = Math.floor(this.random() * of);
    return this.previous;
  }
}

function padded(nth: number): string {
  return String(nth).padStart(22, '0');
}

/** Numbers that look random and are the same every time. */
function randomOf(seed: number): () => number {
  let state = seed % 2_147_483_647 || 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
