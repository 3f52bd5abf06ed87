import { z } from 'zod';
import { CannotStart } from './cannot-start.js';
import { isNetwork, isOrigin, listed } from './listed.js';

/**
 * Everything that can be set, in one typed object that is read once, validated whole and frozen.
 *
 * `docs/reference/configuration.md` is generated from the descriptions. Nothing else reads the environment.
 */
function wholeNumber(least: number, most: number) {
  const must = `must be a whole number from ${String(least)} to ${String(most)}`;
  return z.coerce.number(must).int(must).min(least, must).max(most, must);
}

function oneOf<const Choice extends string>(choices: readonly Choice[]) {
  return z.enum(choices, `must be one of ${choices.join(', ')}`);
}

const secret = z.string().min(16, 'must have at least 16 characters');
const text = z.string().min(1);

function listOf(isOne: (text: string) => boolean, must: string) {
  return z.string().refine((given) => listed(given).every(isOne), must);
}

export const Settings = z.object({
  CHORUS_ROLE: oneOf(['all', 'api', 'worker'])
    .default('all')
    .describe(
      'What this process does: `api` answers requests, `worker` runs projections, processes and deadlines, `all` both.',
    ),
  CHORUS_DATA: text
    .default('.chorus')
    .describe('Folder for everything kept on this machine: the embedded database and the generated secrets.'),
  HOST: text.default('127.0.0.1').describe('Address to listen on.'),
  PORT: wholeNumber(0, 65_535)
    .default(3000)
    .describe('Port to listen on; 0 takes any free one. A `worker` answers there for health and metrics.'),
  CORS_ORIGINS: listOf(isOrigin, 'must be origins such as https://app.example.com, with commas between')
    .optional()
    .describe('Origins whose pages may call the API from a browser, with commas between. Absent: none but our own.'),
  TRUSTED_PROXIES: listOf(isNetwork, 'must be addresses or networks such as 10.0.0.0/8, with commas between')
    .optional()
    .describe(
      'Addresses or networks of proxies whose `x-forwarded-for` is believed, for the limits per address. Absent: none.',
    ),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must look like postgres://user:password@host:5432/database' })
    .optional()
    .describe('PostgreSQL 16 or newer. Absent: an embedded server in the data folder.'),
  DATABASE_CONNECTIONS_MAX: wholeNumber(4, 200).default(12).describe('Connections of this process to PostgreSQL.'),
  OSEH_ID_TOKEN_SECRET: secret
    .optional()
    .describe('HS256 secret of user tokens. Absent: one is generated and kept in the data folder.'),
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secret
    .optional()
    .describe('HS256 secret of interactive prompt tokens. Absent: one is generated and kept in the data folder.'),
  OSEH_JOURNEY_JWT_SECRET: secret
    .optional()
    .describe('HS256 secret of journey tokens. Absent: one is generated and kept in the data folder.'),
  OSEH_IMAGE_FILE_JWT_SECRET: secret
    .optional()
    .describe('HS256 secret of image file tokens. Absent: one is generated and kept in the data folder.'),
  BODY_BYTES_MAX: wholeNumber(1_024, 16_777_216).default(262_144).describe('Largest accepted request body.'),
  RATE_LIMIT_PER_MINUTE: wholeNumber(0, 100_000_000)
    .default(30_000)
    .describe("Requests a minute from one caller (the token's subject, or the address); 0 switches the limit off."),
  EVENT_BYTES_MAX: wholeNumber(1_024, 16_777_216).default(1_048_576).describe('Largest event, as stored JSON.'),
  APPEND_EVENTS_MAX: wholeNumber(1, 100_000).default(10_000).describe('Most events in one append.'),
  APPEND_QUEUE_MAX: wholeNumber(1, 1_000_000)
    .default(20_000)
    .describe('Appends that may wait in this process before new ones are answered with 503.'),
  READ_WAIT_MS_MAX: wholeNumber(0, 60_000)
    .default(2_000)
    .describe('How long a read waits for the position it asks for before it answers 425.'),
  AS_OF_POSITIONS_MAX: wholeNumber(0, 1_000_000_000)
    .default(200_000)
    .describe(
      'How much of the log a request may have folded to see a read model as of a moment; more is answered with 422.',
    ),
  SELF_CHECK_MINUTES: wholeNumber(0, 10_080)
    .default(10)
    .describe(
      'How often some rows of one live read model are compared with what the log makes of them, one read model after the other; 0 switches it off.',
    ),
  COMMAND_LEDGER_DAYS: wholeNumber(1, 3_650).default(30).describe('How long command ids are remembered.'),
  SHUTDOWN_MS_MAX: wholeNumber(100, 600_000).default(10_000).describe('How long a stop may drain before it is forced.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://user:password@host:6379/0' })
    .optional()
    .describe(
      'Redis, through which processes tell each other at once what happens. Absent, or away: they find it by polling a moment later.',
    ),
  LIVE_CONNECTIONS_MAX: wholeNumber(1, 100_000)
    .default(8_000)
    .describe('Open websockets of this process. One more is closed with 1013.'),
  LIVE_CONNECTIONS_PER_ADDRESS_MAX: wholeNumber(1, 100_000)
    .default(200)
    .describe(
      'Open websockets from one address; all that come through a proxy have its address, unless it is among `TRUSTED_PROXIES`. One more is closed with 1013.',
    ),
  LIVE_BACKLOG_BYTES_MAX: wholeNumber(65_536, 268_435_456)
    .default(4_194_304)
    .describe('How much may wait for one websocket client to read it before the client is given up.'),
  REBUILD_SWITCH: oneOf(['auto', 'ask'])
    .default('auto')
    .describe(
      'What happens when the read model of a new version is built and proven: `auto` shows it to readers at once, `ask` waits for `chorus projections switch`.',
    ),
  REBUILD_GRACE_MINUTES: wholeNumber(0, 43_200)
    .default(60)
    .describe(
      'How long the former build of a read model is kept up to date after a switch, so that it can be taken back.',
    ),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe log line that is written.'),
});

export type Config = Readonly<z.infer<typeof Settings>>;

/** Injection token: the configuration is plain data, not a class. */
export const CONFIG = Symbol('Config');

export class ConfigInvalid extends CannotStart {
  override readonly name = 'ConfigInvalid';
}

/** A variable that is set to nothing counts as absent. Reports every wrong variable at once, by name, without repeating a value that may be a secret. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const parsed = Settings.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw new ConfigInvalid(`The configuration is wrong: ${[...new Set(problems)].join('; ')}.`);
}
