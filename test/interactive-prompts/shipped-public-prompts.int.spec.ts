import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandBus } from '@nestjs/cqrs';
import { startProgram, type Program } from '../../src/app/program.js';
import type { PublicPromptCommand } from '../../src/interactive-prompts/interactive-prompts.bus.js';
import { publicPrompt, publicPromptEvents } from '../../src/interactive-prompts/public-prompt.js';
import {
  shippedPublicPrompts,
  ShippedPublicPrompts,
} from '../../src/interactive-prompts/shipped-public-prompts.commands.js';
import { readConfig } from '../../src/platform/config/config.js';
import { Decider } from '../../src/platform/deciding/decider.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { EventStore } from '../../src/platform/event-store/event-store.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { InterposedStore } from '../support/interposed-store.js';
import { at, threeWords } from './stays.js';

const codec = new EventCodec([publicPromptEvents]);
const names = shippedPublicPrompts.map(({ identifier }) => identifier);

async function definitions(store: EventStore): Promise<readonly unknown[]> {
  const { events } = await store.readAll({ after: 0n, limit: 1_000, filter: { categories: ['publicPrompt'] } });
  return events.map(({ event }) => ('identifier' in event ? event.identifier : event));
}

/** What a program does when it starts, on its own memory of the log. */
function starting(store: EventStore, { remembered = true } = {}): ShippedPublicPrompts {
  const decider = new Decider(publicPrompt, store, { commandDone: () => undefined });
  const commands = {
    execute: ({ id, payload, cause }: PublicPromptCommand) =>
      decider.carryOut(id, payload, remembered ? cause : { correlationId: cause.correlationId }),
  };
  return new ShippedPublicPrompts(commands as unknown as CommandBus);
}

describe('the public prompts that are shipped', () => {
  test('are defined once by two processes, when one defines them after the other has looked and before it writes', async () => {
    const log = new InMemoryEventStore(codec);
    const slow = new InterposedStore(log);
    slow.before('append', () => starting(log).onApplicationBootstrap());
    await starting(slow).onApplicationBootstrap();
    expect(await definitions(log)).toEqual(names);
    // The one that was in between is seen: it did try to write.
    expect(slow.steps.filter((step) => step === 'append').length).toBeGreaterThan(0);
  });

  test('are not defined again by the next start, nor once the ledger has forgotten the first', async () => {
    const log = new InMemoryEventStore(codec);
    await starting(log).onApplicationBootstrap();
    await starting(log).onApplicationBootstrap();
    await starting(log, { remembered: false }).onApplicationBootstrap();
    expect(await definitions(log)).toEqual(names);
  });

  test('leave newer settings of an administrator alone', async () => {
    const log = new InMemoryEventStore(codec);
    const [identifier = ''] = names;
    const settings = { identifier, version: 9, content: threeWords, durationSeconds: 30, expiresSeconds: 60 };
    const events = [{ type: 'PublicPromptDefined', ...settings, at: at(0) }];
    await log.append({
      writes: [{ stream: `publicPrompt-${identifier}`, expected: 'none', events }],
      metadata: { correlationId: 'administrator' },
    });
    await starting(log).onApplicationBootstrap();
    expect(await definitions(log)).toEqual(names);
  });
});

describe('programs on one database', () => {
  let testing: TestDatabase;
  let store: PostgresEventStore;
  beforeAll(async () => {
    testing = await aDatabase();
    const limits = { eventBytesMax: 1_000_000, appendEventsMax: 100, appendQueueMax: 100 };
    store = new PostgresEventStore(testing.database, codec, limits);
  });
  afterAll(async () => {
    await store.close();
    await testing.close();
  });

  const start = (role: string): Promise<Program> => {
    const settings = { DATABASE_URL: testing.url, PORT: '0', LOG_LEVEL: 'error', DATABASE_CONNECTIONS_MAX: '6' };
    const secrets = {
      OSEH_ID_TOKEN_SECRET: 'a secret for people in tests',
      OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'a secret for prompts in tests',
      OSEH_JOURNEY_JWT_SECRET: 'a secret for journeys in tests',
      OSEH_IMAGE_FILE_JWT_SECRET: 'a secret for images in tests',
    };
    return startProgram(readConfig({ ...settings, ...secrets, CHORUS_ROLE: role }));
  };

  test('that start at the same time, and again later, define what is shipped once', async () => {
    const together = await Promise.all([start('all'), start('api'), start('api')]);
    expect([...(await definitions(store))].sort()).toEqual([...names].sort());
    for (const program of together) await program.stop();
    const again = await start('all');
    expect(await definitions(store)).toHaveLength(names.length);
    await again.stop();
  }, 30_000);
});
