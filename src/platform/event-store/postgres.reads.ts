import { columns } from './postgres.rows.js';

/** Every question to the log, by name: each is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Null stands for no filter: one statement, and so one prepared plan, serves all. */
const passes = (types: string, categories: string): string =>
  `(${types}::text[] is null or type = any(${types}))
   and (${categories}::text[] is null or split_part(stream, '-', 1) = any(${categories}))`;

const streamForwards: Statement = {
  name: 'stream forwards',
  text: `select ${columns} from log.events where stream = $1 and version >= $2 order by version limit $3`,
};

const streamBackwards: Statement = {
  name: 'stream backwards',
  text: `select ${columns} from log.events where stream = $1 and version <= $2 order by version desc limit $3`,
};

const streamVersion: Statement = {
  name: 'stream version',
  text: 'select version from log.events where stream = $1 order by version desc limit 1',
};

/** The same of a stream that was renamed. By which of its names it is stored is not known yet; one of them, or none, has events. */
const renamedForwards: Statement = {
  name: 'renamed stream forwards',
  text: `select ${columns} from log.events where stream = any($1) and version >= $2 order by version limit $3`,
};

const renamedBackwards: Statement = {
  name: 'renamed stream backwards',
  text: `select ${columns} from log.events where stream = any($1) and version <= $2 order by version desc limit $3`,
};

const renamedVersion: Statement = {
  name: 'renamed stream version',
  text: 'select version from log.events where stream = any($1) order by version desc limit 1',
};

/** The questions about one stream. */
export interface StreamQuestions {
  readonly named: string | readonly string[];
  readonly forwards: Statement;
  readonly backwards: Statement;
  readonly version: Statement;
}

export function streamByName(named: string): StreamQuestions {
  return { named, forwards: streamForwards, backwards: streamBackwards, version: streamVersion };
}

export function streamByNames(named: readonly string[]): StreamQuestions {
  return { named, forwards: renamedForwards, backwards: renamedBackwards, version: renamedVersion };
}

/** The first version of a stream is never missing. */
export const renamedHome: Statement = {
  name: 'renamed stream home',
  text: 'select stream from log.events where stream = any($1) and version = 1',
};

export const logForwards: Statement = {
  name: 'log forwards',
  text: `select ${columns} from log.events where position > $1 order by position limit $2`,
};

export const logFiltered: Statement = {
  name: 'log filtered',
  text: `select ${columns} from log.events where position > $1 and position <= $2 and ${passes('$3', '$4')}
         order by position limit $5`,
};

export const logBackwards: Statement = {
  name: 'log backwards',
  text: `select ${columns} from log.events where position < $1 and ${passes('$2', '$3')} order by position desc limit $4`,
};

export const logBetween: Statement = {
  name: 'log between',
  text: `select ${columns} from log.events where position between $1 and $2 order by position`,
};

export const logHead: Statement = {
  name: 'log head',
  text: 'select coalesce(max(position), 0) from log.events',
};

export const commandEntry: Statement = {
  name: 'command entry',
  text: 'select fingerprint, first_position, last_position from log.commands where id = $1',
};
