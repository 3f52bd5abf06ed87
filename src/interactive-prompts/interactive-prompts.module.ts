import { Module } from '@nestjs/common';
import {
  DailyActiveUsersHandler,
  MonthlyActiveUsersHandler,
  RetentionHandler,
} from '../../projections/interactive-prompts/active-users.js';
import { CrowdAsOfHandler } from '../../projections/interactive-prompts/crowd-as-of.js';
import { CrowdsInMemory } from '../../projections/interactive-prompts/crowd-in-memory.js';
import { SearchEventsHandler } from '../../projections/interactive-prompts/event-search.js';
import {
  SubcategoryViewsHandler,
  TotalSessionsHandler,
} from '../../projections/interactive-prompts/join-statistics.js';
import { PicturesInMemory } from '../../projections/interactive-prompts/pictures-in-memory.js';
import { PictureOfHandler, PicturesAtHandler } from '../../projections/interactive-prompts/profile-pictures.js';
import { EventCountsHandler } from '../../projections/interactive-prompts/event-counts.js';
import { InstancesOfHandler } from '../../projections/interactive-prompts/public-instances.js';
import { PromptsOfSessionsHandler, SessionPageHandler } from '../../projections/interactive-prompts/sessions.js';
import { CrowdAtHandler } from '../../projections/interactive-prompts/prefix-sums.js';
import {
  PromptHandler,
  Prompts,
  PromptSessionHandler,
  PublicPromptHandler,
  PublicPrompts,
} from './interactive-prompts.bus.js';
import { EventSearchHttp } from './event-search.http.js';
import { EventSearch } from './event-search.queries.js';
import { Crowds } from './crowds.queries.js';
import { Icons } from './icons.queries.js';
import { InteractivePromptsLive } from './interactive-prompts.live.js';
import { PromptAdministrationHttp } from './prompt-administration.http.js';
import { PromptEventsHttp } from './prompt-events.http.js';
import { PromptMoments } from './prompt-moments.live.js';
import { PromptParticipation } from './prompt-participation.commands.js';
import { PromptSessions } from './prompt-sessions.commands.js';
import { PromptSessionsHttp } from './prompt-sessions.http.js';
import { PublicPromptAdministrationHttp } from './public-prompt-administration.http.js';
import { PublicPromptsHttp } from './public-prompts.http.js';
import { ShippedPublicPrompts } from './shipped-public-prompts.commands.js';
import { ProfilePicturesHttp } from './profile-pictures.http.js';
import { PromptRecordsHttp } from './prompt-records.http.js';
import { PromptReportsHttp } from './prompt-reports.http.js';
import { PromptStatisticsHttp } from './prompt-statistics.http.js';
import { WatchedMoments } from './watched-moments.queries.js';
import { WatchedPrompts } from './watched-prompts.queries.js';

@Module({
  controllers: [
    PromptAdministrationHttp,
    PromptSessionsHttp,
    PromptEventsHttp,
    PublicPromptsHttp,
    PublicPromptAdministrationHttp,
    PromptStatisticsHttp,
    EventSearchHttp,
    ProfilePicturesHttp,
    PromptRecordsHttp,
    PromptReportsHttp,
  ],
  providers: [
    PromptHandler,
    PromptSessionHandler,
    Prompts,
    PromptParticipation,
    Icons,
    PicturesInMemory,
    PromptMoments,
    PromptSessions,
    EventSearch,
    PublicPromptHandler,
    PublicPrompts,
    ShippedPublicPrompts,
    CrowdAtHandler,
    CrowdAsOfHandler,
    CrowdsInMemory,
    Crowds,
    SearchEventsHandler,
    PictureOfHandler,
    PicturesAtHandler,
    TotalSessionsHandler,
    SubcategoryViewsHandler,
    DailyActiveUsersHandler,
    MonthlyActiveUsersHandler,
    RetentionHandler,
    EventCountsHandler,
    SessionPageHandler,
    PromptsOfSessionsHandler,
    InstancesOfHandler,
    WatchedMoments,
    WatchedPrompts,
    InteractivePromptsLive,
  ],
  exports: [CrowdsInMemory, EventSearch, PromptParticipation, Prompts, PromptSessions],
})
export class InteractivePromptsModule {}
