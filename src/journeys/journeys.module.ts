import { Global, Module } from '@nestjs/common';
import { JourneyPageHandler } from '../../projections/journeys/journey-list.js';
import { JourneyViewsHandler } from '../../projections/journeys/journey-views.js';
import { OldLinksOfHandler } from '../../projections/journeys/old-journey-links.js';
import { InteractivePromptsModule } from '../interactive-prompts/interactive-prompts.module.js';
import { PromptsOfJourneys } from '../interactive-prompts/prompts-of-journeys.js';
import { JourneyAdministrationHttp } from './journey-administration.http.js';
import { JourneyEraEventsHttp } from './journey-era-events.http.js';
import { JourneyEraPicturesHttp } from './journey-era-pictures.http.js';
import { JourneyEraPrompts } from './journey-era-prompts.queries.js';
import { JourneyEraSearchHttp } from './journey-era-search.http.js';
import { JourneyEraStatisticsHttp } from './journey-era-statistics.http.js';
import { JourneyPrompts } from './journey-prompts.queries.js';
import { JourneyHandler, Journeys, PromptSessionStates } from './journeys.bus.js';
import { JourneyStatisticsHttp } from './journey-statistics.http.js';
import { JourneysHttp } from './journeys.http.js';

/** Global, because the watch of interactive prompts asks which prompt a journey means and must not know journeys. */
@Global()
@Module({
  imports: [InteractivePromptsModule],
  controllers: [
    JourneyAdministrationHttp,
    JourneyStatisticsHttp,
    JourneyEraEventsHttp,
    JourneyEraStatisticsHttp,
    JourneyEraSearchHttp,
    JourneyEraPicturesHttp,
    JourneysHttp,
  ],
  providers: [
    JourneyHandler,
    Journeys,
    PromptSessionStates,
    JourneyPrompts,
    JourneyEraPrompts,
    { provide: PromptsOfJourneys, useExisting: JourneyPrompts },
    JourneyPageHandler,
    JourneyViewsHandler,
    OldLinksOfHandler,
  ],
  exports: [PromptsOfJourneys],
})
export class JourneysModule {}
