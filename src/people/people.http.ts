import { Body, Controller, Post, Put, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ImageUid, UserSub } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import { Admin, User } from '../platform/auth/access.js';
import type { UserToken } from '../platform/auth/tokens.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { refusals } from '../platform/http/refusals.js';
import { PersonCommand } from './people.bus.js';
import { type PersonRefusal, type PersonWish, TimeOfDay } from './person.js';

const Merge = z.object({
  from: UserSub.describe('The account that ends'),
  into: UserSub.describe('The account that takes over everything'),
});
const Erase = z.object({ user_sub: UserSub });
const Picture = z.object({ image_uid: ImageUid.nullable() });
const NotificationTime = z.object({ time: TimeOfDay });

@ApiTags('people')
@Controller('api/1')
@UseFilters(
  refusals<PersonRefusal>({
    user_not_found: { status: 409, type: 'user_not_found', message: 'The account was erased, or merged into another.' },
    same_person: { status: 409, type: 'same_person', message: 'An account cannot be merged into itself.' },
  }),
)
export class PeopleHttp {
  constructor(private readonly commands: CommandBus) {}

  @Post('admin/people/merge')
  @Admin()
  @ApiOperation({ summary: 'Merges an account into another, which takes over what was the first one’s' })
  @Answers(204)
  merge(
    @Body({ schema: Merge }) { from, into }: z.output<typeof Merge>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    return this.tell(from, { type: 'MergePerson', from, into, at: unixSeconds(new Date()) }, cause);
  }

  @Post('admin/people/erase')
  @Admin()
  @ApiOperation({ summary: 'Forgets a person: what they added to crowds stays, whose it was is no longer shown' })
  @Answers(204)
  erase(
    @Body({ schema: Erase }) { user_sub: userSub }: z.output<typeof Erase>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    return this.tell(userSub, { type: 'ErasePerson', userSub, at: unixSeconds(new Date()) }, cause);
  }

  @Put('users/me/profile_picture')
  @ApiOperation({ summary: 'Sets or removes one’s own profile picture' })
  @Answers(204)
  changePicture(
    @Body({ schema: Picture }) { image_uid: imageUid }: z.output<typeof Picture>,
    @User() { sub: userSub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    return this.tell(userSub, { type: 'ChangePicture', userSub, imageUid, at: unixSeconds(new Date()) }, cause);
  }

  @Put('users/me/notification_time')
  @ApiOperation({
    summary: 'Says when one wants to be reminded',
    description: 'A setting like any other: it works before, during and after the prompt that asks for it.',
  })
  @Answers(204)
  chooseNotificationTime(
    @Body({ schema: NotificationTime }) { time }: z.output<typeof NotificationTime>,
    @User() { sub: userSub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    return this.tell(userSub, { type: 'ChooseNotificationTime', userSub, time, at: unixSeconds(new Date()) }, cause);
  }

  private async tell(userSub: UserSub, wish: PersonWish, cause: Cause): Promise<Reached<undefined>> {
    return reached(await this.commands.execute(new PersonCommand(userSub, wish, cause)));
  }
}
