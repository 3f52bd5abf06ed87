import { categoryOf, type RecordedEvent } from '../event-store/event-store.js';
import { TravelRefused } from './refused.js';

/** Whether an event is to be taken for one that never happened. */
export type LeftOut = (recorded: RecordedEvent) => boolean;

type Fact = (recorded: RecordedEvent) => unknown;

/** What every event has. Any other name is a field of its data. */
const facts: Readonly<Record<string, Fact>> = {
  type: ({ event }) => event.type,
  stream: ({ stream }) => stream,
  category: ({ stream }) => categoryOf(stream),
  id: ({ id }) => id,
  actor: ({ metadata }) => metadata.actor,
  command: ({ metadata }) => metadata.commandId,
};

/** `type=PromptLiked,user_sub=ada`: events of which all of it is so. */
export function leftOutIn(text: string, types: ReadonlySet<string>): LeftOut {
  // A comma only separates where another condition begins: values may hold commas too.
  const conditions = text.split(/,(?=[A-Za-z_][\w.]*=)/).map((each) => condition(each, types));
  return (recorded) => conditions.every((each) => each(recorded));
}

function condition(text: string, types: ReadonlySet<string>): LeftOut {
  const { name, value } = /^(?<name>[A-Za-z_][\w.]*)=(?<value>.*)$/su.exec(text)?.groups ?? {};
  if (name === undefined || value === undefined || value === '') {
    throw new TravelRefused(
      `"${text}" says not what to leave out. It is such as type=PromptLiked, position=100..200, stream=…, or user_sub=… for a field of the data.`,
    );
  }
  if (name === 'position') return positions(text, value);
  // A typing error would look like a world in which nothing is different.
  if (name === 'type' && !types.has(value)) {
    throw new TravelRefused(`There are no events of type ${value}. There are: ${[...types].toSorted().join(', ')}.`);
  }
  const fact = facts[name] ?? field(name);
  return (recorded) => textOf(fact(recorded)) === value;
}

function positions(text: string, value: string): LeftOut {
  const { first, last } = /^(?<first>\d{1,18})(\.\.(?<last>\d{1,18}))?$/.exec(value)?.groups ?? {};
  if (first === undefined) throw new TravelRefused(`"${text}": a position is a whole number, or two such as 100..200.`);
  const from = BigInt(first);
  const to = BigInt(last ?? first);
  return ({ position }) => position >= from && position <= to;
}

/** `origin.kind` is a field in a field; `user_sub` finds `userSub`, which is how the tables call it. */
function field(name: string): Fact {
  const path = name.split('.');
  return ({ event }) => path.reduce<unknown>((value, part) => memberOf(value, part), event);
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const members = new Map<string, unknown>(Object.entries(value));
  const camel = name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return members.has(name) ? members.get(name) : members.get(camel);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value === undefined ? undefined : JSON.stringify(value);
}
