import { InteractivePromptsModule } from '../interactive-prompts/interactive-prompts.module.js';
import {
  PromptHandler,
  PromptSessionHandler,
  PublicPromptHandler,
} from '../interactive-prompts/interactive-prompts.bus.js';
import { expiry } from '../interactive-prompts/expiry.process.js';
import { PromptMoments } from '../interactive-prompts/prompt-moments.live.js';
import { PicturesInMemory } from '../../projections/interactive-prompts/pictures-in-memory.js';
import { ownership } from '../interactive-prompts/ownership.process.js';
import { JourneyHandler } from '../journeys/journeys.bus.js';
import { JourneysModule } from '../journeys/journeys.module.js';
import { PersonHandler } from '../people/people.bus.js';
import { PeopleModule } from '../people/people.module.js';

/** What this product is, as lists for the platform: who decides, who reacts, and the slices to serve. */

export const commandHandlers = [
  PromptHandler,
  PromptSessionHandler,
  PublicPromptHandler,
  JourneyHandler,
  PersonHandler,
];

export const processes = [expiry, ownership];

export const slices = [InteractivePromptsModule, PeopleModule, JourneysModule];

/** What processes tell each other of. A slice brings its own; a worker, which serves none, tells of what it appends all the same. */
export const announcers = [PromptMoments, PicturesInMemory];
