import { z } from 'zod';
import type { EventFamily, EventSchema } from '../../kernel/event-family.js';
import { eventColumns, literal, named } from './duck.js';

/**
 * A view per event type, named like it, with the fields of its data as typed columns. They are made from the schemas of the
 * events: `select sum(durationSeconds) from PromptCreated` instead of taking JSON apart by hand.
 */
export function eventViews(families: readonly EventFamily[]): ReadonlyMap<string, string> {
  const all = families.flatMap((family) => Object.entries(family));
  return new Map(all.map(([type, schema]) => [type, viewOf(type, schema)]));
}

function viewOf(type: string, { data }: EventSchema): string {
  const own = Object.keys(eventColumns).filter((column) => column !== 'type' && column !== 'data');
  const fields = fieldsOf(data).map(([field, kind]) => {
    // Names differ by more than their case there, or not at all.
    const isTaken = Object.keys(eventColumns).includes(field.toLowerCase());
    return `${valueOf(field, kind)} as ${named(isTaken ? `data_${field}` : field)}`;
  });
  return `create view ${named(type)} as select ${[...own, ...fields].join(', ')} from events where type = ${literal(type)}`;
}

type Kind = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'JSON';

function valueOf(field: string, kind: Kind): string {
  const path = literal(`$.${JSON.stringify(field)}`);
  if (kind === 'JSON') return `data -> ${path}`;
  return kind === 'VARCHAR' ? `data ->> ${path}` : `(data ->> ${path})::${kind}`;
}

interface SchemaPart {
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, SchemaPart>> | undefined;
  readonly anyOf?: readonly SchemaPart[] | undefined;
  readonly oneOf?: readonly SchemaPart[] | undefined;
  readonly allOf?: readonly SchemaPart[] | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
}

const Part: z.ZodType<SchemaPart> = z.lazy(() =>
  z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), Part).optional(),
    anyOf: z.array(Part).optional(),
    oneOf: z.array(Part).optional(),
    allOf: z.array(Part).optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
  }),
);

/** Of a union, all fields that any of its members has. */
function fieldsOf(data: z.ZodType): readonly (readonly [string, Kind])[] {
  const whole = Part.parse(z.toJSONSchema(data, { io: 'output', unrepresentable: 'any', reused: 'inline' }));
  const kinds = new Map<string, Set<Kind>>();
  for (const part of [whole, ...alternatives(whole)]) {
    for (const [field, schema] of Object.entries(part.properties ?? {})) {
      kinds.set(field, new Set([...(kinds.get(field) ?? []), kindOf(schema)]));
    }
  }
  return [...kinds].map(([field, [kind = 'JSON', ...others]]) => [field, others.length > 0 ? 'JSON' : kind]);
}

function alternatives({ anyOf = [], oneOf = [], allOf = [] }: SchemaPart): readonly SchemaPart[] {
  return [...anyOf, ...oneOf, ...allOf].flatMap((part) => [part, ...alternatives(part)]);
}

function kindOf(schema: SchemaPart): Kind {
  const members = alternatives(schema);
  const kinds = new Set((members.length > 0 ? members : [schema]).flatMap(simpleKinds));
  const [kind = 'JSON'] = kinds;
  return kinds.size === 1 ? kind : 'JSON';
}

/** Null is a value of any kind. */
function simpleKinds({ type, const: only, enum: choices }: SchemaPart): readonly Kind[] {
  const names = [type ?? typeof (only ?? choices?.[0])].flat().filter((name) => name !== 'null');
  return names.map((name) => kinds.get(name) ?? 'JSON');
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  ['string', 'VARCHAR'],
  ['integer', 'BIGINT'],
  ['number', 'DOUBLE'],
  ['boolean', 'BOOLEAN'],
]);
