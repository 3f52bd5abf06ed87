import type { EventFamily, EventOf } from '../../kernel/event-family.js';
import type { DomainEvent } from '../event-store/event-store.js';
import type { Decided } from './decided.js';

/**
 * The event of this type that a command led to, for the answer to whoever sent it. Told from what was decided and from nothing
 * else, the answer to a repetition is the first one's.
 */
export function happened<Family extends EventFamily, Type extends keyof Family & string>(
  { events }: Decided,
  type: Type,
  _of: Family,
): Extract<EventOf<Family>, { readonly type: Type }> {
  for (const { event } of events) if (isOf<Family, Type>(event, type)) return event;
  throw new TypeError(`The command led to no ${type}.`);
}

/** The codec has checked the data of every event it hands out, so the type's name is enough. */
function isOf<Family extends EventFamily, Type extends keyof Family & string>(
  event: DomainEvent,
  type: Type,
): event is Extract<EventOf<Family>, { readonly type: Type }> {
  return event.type === type;
}
