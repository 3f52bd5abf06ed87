import { Command } from 'commander';
import type { Config } from '../platform/config/config.js';
import { isUnfinished, type RebuildState } from '../platform/rebuilding/rebuild.js';
import { listed, positiveInteger } from './arguments.js';
import type { Printing } from './environment.js';
import { mayGoOn } from './go-on.js';
import { printJson, printLine, say } from './output.js';
import type { RebuildSession } from './rebuild-session.js';
import { endWith, inJson, planText, printStatus, RebuildTelling } from './rebuild-output.js';

/** What an operator does with the builds of a read model, from the plan to the end of the former one. */
export function rebuildCommands(config: () => Config): readonly Command[] {
  return [
    status(config),
    plan(config),
    rebuild(config),
    verify(config),
    switching(config),
    ...endings.map((ending) => ended(config, ending)),
    pausing(config, 'pause', 'Stop writing a read model, or with --rebuild only its rebuild.'),
    pausing(config, 'resume', 'Go on with what was paused, and with a rebuild that a problem stopped.'),
  ];
}

interface Deciding extends Printing {
  readonly yes?: true;
}

interface Rebuilding extends Deciding {
  readonly switch?: true;
  readonly expect?: readonly string[];
  readonly throttle?: number;
}

const expecting = [
  '--expect <differences>',
  'differences that are meant: table, table.column, table:+rows, table:-rows',
] as const;

function status(config: () => Config): Command {
  return command('status', 'Where the latest rebuild is: of one read model, or of each.', '[name]').action(
    async (name: string | undefined, { json }: Printing) => {
      await session(config(), async ({ orders }) => {
        const all = name === undefined ? await orders.standing() : [await orders.standingOf(name)];
        const rebuilds = all.flatMap(({ rebuild: latest }) => latest ?? []);
        if (json === true) printJson(rebuilds.map(inJson));
        else if (rebuilds.length === 0) say('Nothing was rebuilt so far.');
        else for (const latest of rebuilds) printStatus(latest);
      });
    },
  );
}

function plan(config: () => Config): Command {
  return command('plan', 'What a rebuild would read, take and need. Nothing is changed.', '<names...>').action(
    async (names: string[], { json }: Printing) => {
      await session(config(), async ({ orders }) => {
        for (const name of names) {
          const planned = await orders.plan(name);
          if (json === true) printJson({ projection: name, ...planned });
          else printLine(planText(name, planned));
        }
      });
    },
  );
}

function rebuild(config: () => Config): Command {
  return command(
    'rebuild',
    'Build read models anew from the log, beside the live ones, and prove that they are equal.',
    '<names...>',
  )
    .option('--switch', 'show readers the new builds as soon as they are proven')
    .option(...expecting, listed)
    .option('--throttle <count>', 'at most so many events a second', positiveInteger)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Several read models are built in one pass over the log. The rebuild goes on when this command is stopped, if a worker runs.

Examples:
  npm run -s chorus -- projections rebuild prefix_sums event_counts --yes
  npm run -s chorus -- projections switch prefix_sums --expect prefix_sums_people.presence`,
    )
    .action(async (names: string[], options: Rebuilding) => {
      await session(config(), async ({ orders, follow }) => {
        for (const name of names) say(planText(name, await orders.plan(name)));
        if (!(await mayGoOn(options.yes))) return;
        const { expect: expected, throttle } = options;
        const switches = options.switch === true;
        await orders.rebuild(names, { switches, expected, throttle });
        const end = switches ? 'switched' : 'ready';
        const isThere = ({ state }: { readonly state: RebuildState }) => state === end || !isUnfinished({ state });
        endWith(await follow(names, isThere, new RebuildTelling(options).tell), options);
      });
    });
}

function verify(config: () => Config): Command {
  const description =
    'Compare the new build with the live one now. Exits with 1, and names the rows, where they differ.';
  return command('verify', description, '<name>').action(async (name: string, options: Printing) => {
    await session(config(), async ({ orders, follow }) => {
      await orders.verify(name);
      endWith(await follow([name], ({ state }) => state === 'ready', new RebuildTelling(options).tell), options);
    });
  });
}

function switching(config: () => Config): Command {
  return command('switch', 'Show readers the new build, as soon as it is proven.', '<name>')
    .option(...expecting, listed)
    .option('--yes', 'do not ask')
    .action(async (name: string, options: Rebuilding) => {
      await session(config(), async ({ orders, follow }) => {
        say(`${name}: readers will see the new build; the previous one is kept up to date for the grace time.`);
        if (!(await mayGoOn(options.yes))) return;
        await orders.switch(name, options.expect);
        const isThere = ({ state }: { readonly state: RebuildState }) => !isUnfinished({ state });
        endWith(await follow([name], isThere, new RebuildTelling(options).tell), options);
      });
    });
}

interface Ending {
  readonly order: 'rollback' | 'abort' | 'retire';
  readonly description: string;
  /** What is said before it is done. */
  readonly consequence: string;
  readonly ends: readonly RebuildState[];
}

const endings: readonly Ending[] = [
  {
    order: 'rollback',
    description: 'Show readers the previous build again; it was kept up to date.',
    consequence: 'readers will see the previous build again.',
    ends: ['rolled_back'],
  },
  {
    order: 'abort',
    description: 'Give a rebuild up and drop its new build, which nobody has seen.',
    consequence: 'the new build will be dropped; readers notice nothing.',
    ends: ['aborted'],
  },
  {
    order: 'retire',
    description: 'Drop the build that readers no longer see before its grace time is over.',
    consequence: 'the build that readers do not see will be dropped; there is nothing to go back to then.',
    ends: ['retired', 'rolled_back'],
  },
];

function ended(config: () => Config, { order, description, consequence, ends }: Ending): Command {
  return command(order, description, '<name>')
    .option('--yes', 'do not ask')
    .action(async (name: string, options: Deciding) => {
      await session(config(), async ({ orders, follow }) => {
        say(`${name}: ${consequence}`);
        if (!(await mayGoOn(options.yes))) return;
        await orders[order](name);
        const isThere = ({ state }: { readonly state: RebuildState }) => ends.includes(state);
        endWith(await follow([name], isThere, new RebuildTelling(options).tell), options);
      });
    });
}

function pausing(config: () => Config, order: 'pause' | 'resume', description: string): Command {
  const made = command(order, description, '<name>');
  if (order === 'pause') made.option('--rebuild', 'only its rebuild');
  return made.action(async (name: string, options: Printing & { readonly rebuild?: true }) => {
    await session(config(), async ({ orders }) => {
      if (order === 'pause') await orders.pause(name, options.rebuild === true ? 'rebuild' : 'projection');
      else await orders.resume(name);
      if (options.json === true) printJson({ projection: name, done: order });
      else say(`${name}: ${order === 'pause' ? 'paused, until it is resumed' : 'goes on'}.`);
    });
  });
}

function command(name: string, description: string, argument: string): Command {
  return new Command(name).description(description).argument(argument).option('--json', 'print one JSON object a line');
}

/** What a command needs is loaded when it runs: help and typing errors are then quick. */
async function session(config: Config, work: (session: RebuildSession) => Promise<void>): Promise<void> {
  const { withRebuilds } = await import('./rebuild-session.js');
  await withRebuilds(config, work);
}
