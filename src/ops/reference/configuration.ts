import { Settings } from '../../platform/config/config.js';
import { table } from './markdown.js';
import { propertiesOf, schemaOf, wordsFor, type Schema } from './schema-words.js';

/** `docs/reference/configuration.md`: one row per environment variable. */
export function configurationPage(): string {
  const rows = propertiesOf(schemaOf(Settings)).map(({ name, schema }) => [
    `\`${name}\``,
    schema.description ?? '',
    wordsFor(schema),
    defaultOf(schema),
  ]);
  return `# Configuration

Every setting is an environment variable. All are read once, when the program starts, and checked together: a start with wrong
values ends with a sentence that names each of them. An empty variable counts as absent.

${table(['variable', 'what it decides', 'value', 'absent'], rows)}
`;
}

function defaultOf(schema: Schema): string {
  return schema.default === undefined ? '' : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``;
}
