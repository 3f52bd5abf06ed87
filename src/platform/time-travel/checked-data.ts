import { EventInvalid, type EventCodec } from '../event-store/event-codec.js';
import type { DomainEvent } from '../event-store/event-store.js';
import { TravelRefused } from './refused.js';
import type { ToldEvent } from './told-event.js';

/** An imagined event must be one that could have been written: it passes the same schema. */
export function checkedData(
  { type, data, schema_version: version }: ToldEvent,
  codec: EventCodec,
  otherwise: string,
): { readonly event: DomainEvent; readonly schemaVersion: number } {
  try {
    const encoded = codec.encode({ ...data, type });
    if (version !== undefined && version !== encoded.schemaVersion) {
      const today = String(encoded.schemaVersion);
      throw new TravelRefused(`${otherwise}: ${type} has schema version ${today} today, not ${String(version)}.`);
    }
    return { event: { type, ...encoded.data }, schemaVersion: encoded.schemaVersion };
  } catch (error) {
    if (!(error instanceof EventInvalid)) throw error;
    throw new TravelRefused(`${otherwise}. ${error.message}`);
  }
}
