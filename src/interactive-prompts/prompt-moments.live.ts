import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PicturesInMemory } from '../../projections/interactive-prompts/pictures-in-memory.js';
import { Announcer } from '../platform/live/announcer.js';
import { isMoment, watched } from './watch-item.js';
import { announcement, eventsChannel } from './watch-packets.js';

/** What other processes, and whoever else listens on a prompt's channel, are told of it. Every process tells, also a worker. */
@Injectable()
export class PromptMoments implements OnModuleInit {
  constructor(
    private readonly announcer: Announcer,
    private readonly pictures: PicturesInMemory,
  ) {}

  onModuleInit(): void {
    this.announcer.announce({
      channels: eventsChannel('*'),
      of: ({ event: happened, position }) => {
        if (!isMoment(happened)) return undefined;
        const parts = { moment: happened, watched: watched(happened), position: Number(position) };
        const message = () => announcement({ ...parts, imageUid: this.pictures.knownOf(happened.userSub) });
        return { channel: eventsChannel(happened.promptUid), message };
      },
      prepare: (recorded) =>
        this.pictures.learn(recorded.flatMap(({ event }) => (isMoment(event) ? [event.userSub] : []))),
    });
  }
}
