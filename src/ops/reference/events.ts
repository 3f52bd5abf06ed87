import type { EventFamily, EventSchema } from '../../kernel/event-family.js';
import { fieldList } from './field-list.js';
import { schemaOf } from './schema-words.js';

/** `docs/reference/events.md`: what each event in the log says, by the version that is written today. */
export function eventsPage(families: readonly EventFamily[]): string {
  return `# Events

Stored names live for ever. Every event also has a global position, its stream and version in it, an id, the time when it was
recorded, and metadata: correlation, command, causation, actor and trace. A program reads every earlier schema version of an
event as the one below.

${families.flatMap((family) => Object.entries(family).map(section)).join('\n\n')}
`;
}

function section([type, schema]: [string, EventSchema]): string {
  return [`## ${type}`, sinceWhen(schema), fieldList(schemaOf(schema.data))].join('\n\n');
}

function sinceWhen({ version }: EventSchema): string {
  return version === 1 ? 'Schema version 1.' : `Schema version ${String(version)}; older ones are lifted when read.`;
}
