import { aServer } from '../bench/a-server.js';
import { zero, type Field, type Run, type Stage } from '../bench/run.js';
import { hunt, onModel, onPostgres, type Catch, type Seeds } from './interleave/hunt.js';
import { ours } from './interleave/protocol.js';
import { RealDatabase } from './interleave/real-database.js';
import { interleaveShipped, unlockedIsCaught } from './interleave/shipped/shipped.js';
import { controls, variants } from './interleave/variants.js';

/**
 * Virtual writers and readers take turns between every two steps of append, read and checkpoint, in an order that a seed
 * decides. Ours must come through every schedule. Each weakened variant must be caught, first on the model and then, by the
 * same schedule, on PostgreSQL, and another sound design must not be: so a checker that sees nothing, or objects to everything,
 * is found out as well.
 */
export const interleave: Run<'seed' | 'model' | 'real' | 'shipped'> = {
  name: 'interleave',
  describe:
    'Appends, reads and checkpoints under forced interleavings, on a model and on PostgreSQL held open in the middle.',
  options: {
    seed: { default: 1, describe: 'repeats a run' },
    model: { default: 40_000, describe: 'schedules of ours on the model' },
    real: { default: 150, describe: 'of those, how many are repeated on PostgreSQL turn by turn' },
    shipped: { default: 100, describe: 'schedules of the event store and the projection engine as shipped' },
  },
  secondsMax: ({ model, real, shipped }) => 120 + model / 500 + real + shipped * 2,
  targets: [
    ...['violations', 'model_disagreements', 'control_violations'].map(zero),
    mustBe('variants_missed', 'none', (missed) => Array.isArray(missed) && missed.length === 0),
    mustBe('unlocked_shipped_code_caught', 'yes', (caught) => caught === true),
  ],
  run: async ({ seed, model, real, shipped }, stage) => {
    const server = await aServer(stage);
    const database = await RealDatabase.open(await server.freshDatabase('interleave'));
    stage.afterwards(() => database.close());
    // Runs with neighbouring seeds share no schedules.
    const from = (count: number): Seeds => ({ first: (seed * 1_000_003) >>> 0, count });

    stage.say(`Ours on the model: ${String(model)} schedules`);
    const modelled = await onModel(ours, from(model), stage.signal);
    stage.say(`Ours on PostgreSQL: ${String(real)} of them, turn by turn`);
    const repeated = await onPostgres(database, ours, from(real), stage.signal);
    stage.say(`The event store and the projection engine as shipped: ${String(shipped)} schedules`);
    const asShipped = await interleaveShipped(await server.freshDatabase('shipped'), from(shipped), stage);
    const unlocked = await unlockedIsCaught(await server.freshDatabase('unlocked'), from(unlockedSchedulesMax), stage);

    const control = await controlViolations(from(Math.ceil(model / 20)), stage.signal);
    const caught = await catchAll(database, from(variantSchedulesMax), stage);
    const violations = [...modelled.violations, ...repeated.violations, ...asShipped.violations];
    for (const finding of [...violations, ...repeated.disagreements, ...control].slice(0, 20)) stage.say(finding);
    return {
      seed,
      schedules: model + real + shipped,
      schedules_model: model,
      schedules_real: real,
      schedules_shipped: shipped,
      deliveries: modelled.deliveries + repeated.deliveries + asShipped.deliveries,
      violations: violations.length,
      model_disagreements: repeated.disagreements.length,
      control_violations: control.length,
      connections_cut: asShipped.cut,
      version_conflicts: asShipped.conflicts,
      owners_superseded: asShipped.superseded,
      held_open: asShipped.heldOpen,
      unlocked_shipped_code_caught: unlocked,
      variants_caught: [...caught.keys()],
      variants_missed: variants.map(({ name }) => name).filter((name) => !caught.has(name)),
      catches: Object.fromEntries([...caught].map(([name, found]) => [name, described(found)])),
    };
  },
};

const variantSchedulesMax = 20_000;
const unlockedSchedulesMax = 50;

function mustBe(field: string, says: string, is: (value: Field) => boolean) {
  return { field, says, is, mustHold: true };
}

async function controlViolations(seeds: Seeds, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  for (const control of controls) found.push(...(await onModel(control, seeds, signal)).violations);
  return found;
}

async function catchAll(database: RealDatabase, seeds: Seeds, stage: Stage): Promise<ReadonlyMap<string, Catch>> {
  const caught = new Map<string, Catch>();
  for (const variant of variants) {
    const found = await hunt(database, variant, seeds, stage.signal);
    if (found === undefined) continue;
    caught.set(variant.name, found);
    stage.say(`Caught "${variant.name}": ${described(found)}`);
  }
  return caught;
}

function described({ found: { kind, what }, schedule: { seed }, schedulesTried }: Catch): string {
  return `${kind} (${what}) after ${String(schedulesTried)} schedules, seed ${String(seed)}`;
}
