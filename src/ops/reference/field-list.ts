import { propertiesOf, variantsOf, wordsFor, type Property, type Schema } from './schema-words.js';

/** The fields of an object as a Markdown list. What a field may hold is said behind it, or below it when it takes several lines. */
export function fieldList(schema: Schema): string {
  return propertiesOf(schema)
    .flatMap((property) => fieldLines(property, ''))
    .join('\n');
}

function fieldLines({ name, schema, required }: Property, indent: string): readonly string[] {
  const head = `${indent}- \`${name}\`${required ? '' : ', which may be missing'}`;
  const end = schema.description === undefined ? '' : `. ${schema.description}`;
  const variants = variantsOf(schema);
  if (variants?.some(hasFields) === true) {
    return [`${head}: one of${end}`, ...variants.map((variant) => `${indent}  - ${wordsFor(variant)}`)];
  }
  if (hasFields(schema)) return [`${head}${end}`, ...nested(schema, indent)];
  const { items } = schema;
  if (schema.type === 'array' && typeof items === 'object' && !Array.isArray(items) && hasFields(items)) {
    return [`${head}: list${end}`, ...nested(items, indent)];
  }
  return [`${head}: ${wordsFor(schema)}${end}`];
}

function hasFields(schema: Schema): boolean {
  return propertiesOf(schema).length > 0;
}

function nested(schema: Schema, indent: string): readonly string[] {
  return propertiesOf(schema).flatMap((property) => fieldLines(property, `${indent}  `));
}
