import { z } from 'zod';

/** What may stand somewhere, in words that a reader of a table understands. */
export type Schema = z.core.JSONSchema.JSONSchema;

export function schemaOf(type: z.ZodType): Schema {
  return z.toJSONSchema(type, { io: 'output', unrepresentable: 'any' });
}

export interface Property {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** In the order in which they were declared. */
export function propertiesOf(schema: Schema): readonly Property[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    typeof property === 'boolean' ? [] : [{ name, schema: property, required: required.has(name) }],
  );
}

export function variantsOf(schema: Schema): readonly Schema[] | undefined {
  const variants = schema.anyOf ?? schema.oneOf;
  return variants?.flatMap((variant) => (typeof variant === 'boolean' ? [] : [variant]));
}

export function wordsFor(schema: Schema): string {
  if (schema.$ref !== undefined) return code(schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1));
  const variants = variantsOf(schema);
  if (variants !== undefined) return variants.map(wordsFor).join(' or ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  switch (schema.type) {
    case 'string':
      return stringInWords(schema);
    case 'integer':
    case 'number':
      return numberInWords(schema);
    case 'array':
      return arrayInWords(schema);
    case 'object':
      return objectInWords(schema);
    case 'boolean':
      return 'true or false';
    default:
      return schema.type === 'null' ? 'null' : 'anything';
  }
}

function inWords(schema: z.core.JSONSchema._JSONSchema): string {
  return typeof schema === 'boolean' ? 'anything' : wordsFor(schema);
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function stringInWords({ pattern, format, minLength, maxLength }: Schema): string {
  if (pattern !== undefined && format === undefined) return `text like ${code(pattern)}`;
  const kind = format === 'uri' ? 'URL' : (format ?? 'text');
  // That text is not empty goes without saying.
  return kind + range(minLength === 1 && maxLength === undefined ? undefined : minLength, maxLength, ' characters');
}

function numberInWords({ type, minimum, exclusiveMinimum, maximum }: Schema): string {
  const kind = type === 'integer' ? 'whole number' : 'number';
  if (typeof exclusiveMinimum === 'number') return `${kind} above ${thousands(exclusiveMinimum)}`;
  return kind + range(minimum, maximum, '');
}

function arrayInWords({ items, minItems, maxItems }: Schema): string {
  const of = items === undefined || Array.isArray(items) ? '' : ` of ${inWords(items)}`;
  return `list${of}${range(minItems, maxItems, ' entries')}`;
}

function objectInWords(schema: Schema): string {
  const fields = propertiesOf(schema).map(
    ({ name, schema: property, required }) =>
      `${code(name)}${required ? '' : ' (may be missing)'}: ${wordsFor(property)}`,
  );
  return fields.length === 0 ? 'object' : `{ ${fields.join('; ')} }`;
}

/** Zod bounds every integer by what a double can hold; a limit that nobody chose is none to a reader. */
const unbounded = (bound: number | undefined): boolean =>
  bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER;

function range(low: number | undefined, high: number | undefined, unit: string): string {
  const from = unbounded(low) || low === undefined ? undefined : thousands(low);
  const to = unbounded(high) || high === undefined ? undefined : thousands(high);
  if (from !== undefined && to !== undefined) return from === to ? `, ${from}${unit}` : `, ${from} to ${to}${unit}`;
  if (from !== undefined) return `, at least ${from}${unit}`;
  return to === undefined ? '' : `, at most ${to}${unit}`;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}

/** OpenAPI 3.1 speaks JSON Schema, but the types of the library that makes the document don't say so. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
