import { z } from 'zod';
import type { RecordedEvent } from '../event-store/event-store.js';

/**
 * An event as people write and change it: the line that `chorus events read --json` prints. Changing a line and giving it
 * back is all there is to learn.
 */
export const ToldEvent = z.strictObject({
  position: z.int().min(0).optional(),
  stream: z.string().min(1),
  version: z.int().min(0).optional(),
  id: z.string().min(1).optional(),
  type: z.string().min(1),
  schema_version: z.int().min(1).optional(),
  data: z.record(z.string(), z.json()),
  metadata: z
    .strictObject({
      correlationId: z.string(),
      commandId: z.string().exactOptional(),
      causationId: z.string().exactOptional(),
      actor: z.string().exactOptional(),
      trace: z.string().exactOptional(),
    })
    .optional(),
  recorded_at: z.iso.datetime({ offset: true }).optional(),
});
export type ToldEvent = z.output<typeof ToldEvent>;

/** A copy down to the last field: who changes it changes no event that another fold will see. */
export function told({
  position,
  stream,
  version,
  id,
  schemaVersion,
  event,
  metadata,
  recordedAt,
}: RecordedEvent): unknown {
  const { type, ...data } = event;
  return {
    position: Number(position),
    stream,
    version,
    id,
    type,
    schema_version: schemaVersion,
    data: structuredClone(data),
    metadata: structuredClone(metadata),
    recorded_at: recordedAt.toISOString(),
  };
}
