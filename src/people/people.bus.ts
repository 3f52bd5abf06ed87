import type { UserSub } from '../kernel/ids.js';
import { decides } from '../platform/deciding/decides.js';
import { followedBy } from '../platform/deciding/following.js';
import { StreamCommand } from '../platform/deciding/stream-command.js';
import { person, survivorOf, type PersonWish } from './person.js';

export class PersonCommand extends StreamCommand<UserSub, PersonWish> {}
/** Two people merged into each other at the same moment would both be gone, so the survivor is held still meanwhile. */
export const PersonHandler = decides(PersonCommand, person, followedBy(person, survivorOf));
