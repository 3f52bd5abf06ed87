import { Module } from '@nestjs/common';
import { EventsHttp } from './events.http.js';
import { OpenStreams } from './open-streams.js';

/** The log for those who analyse it, over HTTP. What they do with it on their own machine are commands. */
@Module({
  controllers: [EventsHttp],
  providers: [{ provide: OpenStreams, useFactory: () => new OpenStreams() }],
})
export class AnalysingModule {}
