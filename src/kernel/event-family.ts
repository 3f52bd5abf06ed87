import type { z } from 'zod';

/**
 * The events a decision model writes, each with the schema of its stored data.
 *
 * Stored names live for ever. A new field that may be missing needs nothing; any other change of meaning raises `version`
 * and says in `from` how data written under each earlier version is lifted, one version at a time.
 */
export interface EventSchema<Data extends z.ZodType = z.ZodType> {
  readonly version: number;
  readonly data: Data;
  /** `from[n]` turns data of version n into data of version n + 1. */
  readonly from: Readonly<Record<number, (data: JsonObject) => JsonObject>>;
}

export type EventFamily = Readonly<Record<string, EventSchema>>;

/** The union of a family: `{ type: 'PromptLiked', … }`, flat, so that a decision builds it field by field. */
export type EventOf<Family extends EventFamily> = {
  [Type in keyof Family & string]: Readonly<{ type: Type } & z.output<Family[Type]['data']>>;
}[keyof Family & string];

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function event<Data extends z.ZodType>(
  data: Data,
  history: { version: number; from: EventSchema['from'] } = { version: 1, from: {} },
): EventSchema<Data> {
  return { data, version: history.version, from: history.from };
}
