import { promptEvents } from '../interactive-prompts/prompt.js';
import { promptSessionEvents } from '../interactive-prompts/prompt-session.js';
import { publicPromptEvents } from '../interactive-prompts/public-prompt.js';
import { journeyEvents } from '../journeys/journey.js';
import { journeyEraUpcasts } from '../journeys/journey-era-upcasts.js';
import { personEvents } from '../people/person.js';
import type { EventFamily } from '../kernel/event-family.js';
import type { Upcast } from '../kernel/upcast.js';

/** What the log of this product holds. Apart from the rest of it: a command that only reads the log loads nothing else. */

export const eventFamilies: readonly EventFamily[] = [
  promptEvents,
  promptSessionEvents,
  publicPromptEvents,
  journeyEvents,
  personEvents,
];

export const upcasts: readonly Upcast[] = journeyEraUpcasts;
