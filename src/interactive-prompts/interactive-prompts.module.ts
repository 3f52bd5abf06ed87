import { Module } from '@nestjs/common';
import { EventCountsHandler } from '../../projections/interactive-prompts/event-counts.js';
import { CrowdAtHandler } from '../../projections/interactive-prompts/prefix-sums.js';
import { PromptHandler, Prompts, PromptSessionHandler } from './interactive-prompts.bus.js';
import { PromptAdministrationHttp } from './prompt-administration.http.js';
import { PromptSessionsHttp } from './prompt-sessions.http.js';
import { PromptStatisticsHttp } from './prompt-statistics.http.js';

@Module({
  controllers: [PromptAdministrationHttp, PromptSessionsHttp, PromptStatisticsHttp],
  providers: [PromptHandler, PromptSessionHandler, Prompts, CrowdAtHandler, EventCountsHandler],
})
export class InteractivePromptsModule {}
