import { aServer } from '../bench/a-server.js';
import { zero, type Fields, type Run } from '../bench/run.js';
import { hunt, onModel, onPostgres } from './interleave/hunt.js';
import { ours } from './interleave/protocol.js';
import { RealDatabase } from './interleave/real-database.js';
import { interleaveShipped } from './interleave/shipped.js';
import { controls, variants } from './interleave/variants.js';

/**
 * Virtual writers and readers take turns between every two steps of append, read and checkpoint, in an order that a seed
 * decides. Ours must come through every schedule; each weakened variant must be caught, first on the model and then, by the
 * same schedule, on PostgreSQL, so that a checker that sees nothing is found out as well.
 */
export const interleave: Run<'seed' | 'model' | 'real' | 'shipped'> = {
  name: 'interleave',
  describe: 'Appends, reads and checkpoints under forced interleavings, on a model and on PostgreSQL held open at chosen points.',
  options: {
    seed: { default: 1, describe: 'repeats a run' },
    model: { default: 40_000, describe: 'schedules of ours on the model' },
    real: { default: 150, describe: 'of those, how many are repeated on PostgreSQL turn by turn' },
    shipped: { default: 100, describe: 'schedules of the event store and the projection engine as shipped' },
  },
  secondsMax: ({ model, real, shipped }) => 120 + model / 500 + real + shipped * 2,
  targets: [zero('violations'), zero('model_disagreements'), { field: 'variants_missed', says: 'none', mustHold: true, is: (value) => Array.isArray(value) && value.length === 0 }],
  run: async ({ seed, model, real, shipped }, stage) => {
    const server = await aServer(stage);
    const database = await RealDatabase.open(await server.freshDatabase('interleave'));
    stage.afterwards(() => database.close());

    // Runs with neighbouring seeds share no schedules.
    const first = (seed * 1_000_003) >>> 0;
    stage.say(`Ours on the model: ${String(model)} schedules`);
    const modelled = await onModel(ours, { first, count: model }, stage.signal);
    stage.say(`Ours on PostgreSQL: ${String(real)} of them, turn by turn`);
    const repeated = await onPostgres(database, ours, { first, count: real }, stage.signal);
    const controlled = [];
    for (const control of controls) controlled.push(await onModel(control, { first, count: Math.ceil(model / 20) }, stage.signal));

    stage.say(`The event store and the projection engine as shipped: ${String(shipped)} schedules`);
    const asShipped = await interleaveShipped(await server.freshDatabase('shipped'), { first, count: shipped }, stage);

    const caught: Record<string, Fields> = {};
    for (const variant of variants) {
      const found = await hunt(database, variant, { first, count: variantSchedulesMax }, stage.signal);
      if (found === undefined) continue;
      const { schedule, schedulesTried, found: { kind, what } } = found;
      caught[variant.name] = { kind, what, seed: schedule.seed, schedules_tried: schedulesTried };
      stage.say(`Caught "${variant.name}": ${kind}, ${what}`);
    }
    const violations = [...modelled.violations, ...repeated.violations, ...asShipped.violations, ...controlled.flatMap((seen) => seen.violations)];
    for (const violation of [...violations, ...repeated.disagreements].slice(0, 20)) stage.say(violation);
    return {
      seed,
      schedules: modelled.schedules + repeated.schedules + asShipped.schedules,
      schedules_model: modelled.schedules,
      schedules_real: repeated.schedules + asShipped.schedules,
      schedules_shipped: asShipped.schedules,
      deliveries: modelled.deliveries + repeated.deliveries + asShipped.deliveries,
      connections_cut: asShipped.cut,
      version_conflicts: asShipped.conflicts,
      writers_superseded: asShipped.superseded,
      held_until_all_waited: asShipped.held,
      violations: violations.length,
      model_disagreements: repeated.disagreements.length,
      variants_caught: Object.keys(caught),
      variants_missed: variants.map(({ name }) => name).filter((name) => !(name in caught)),
      catches: caught,
    };
  },
};

const variantSchedulesMax = 20_000;
