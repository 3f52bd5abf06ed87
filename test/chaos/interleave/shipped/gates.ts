import type pg from 'pg';
import { z } from 'zod';
import type { Dice } from '../dice.js';

const gates = ['event insert', 'append commit', 'rows after checkpoint', 'batch commit'] as const;
/** The key space of the locks that the gates are. */
const space = 7_001;

/**
 * Places inside statements where everybody who comes by waits while the gate is closed: triggers that ask for a shared lock,
 * which the gatekeeper's session holds exclusively.
 */
export class Gates {
  private constructor(
    private readonly control: pg.Client,
    private readonly dice: Dice,
  ) {}

  /** The triggers exist only in this run's database. */
  static async install(control: pg.Client, buildSchema: string): Promise<void> {
    const rows = `"${buildSchema}".interleaved`;
    await control.query(`
      create function interleave_gate() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_xact_lock_shared(${String(space)}, tg_argv[0]::int);
        return new;
      end
      $$;
      create trigger hold_insert before insert on log.events for each row execute function ${gate('event insert')};
      create constraint trigger hold_commit after insert on log.events deferrable initially deferred
        for each row execute function ${gate('append commit')};
      create trigger hold_rows before insert on ${rows} for each row execute function ${gate('rows after checkpoint')};
      create constraint trigger hold_batch after insert on ${rows} deferrable initially deferred
        for each row execute function ${gate('batch commit')}`);
  }

  static of(control: pg.Client, dice: Dice): Gates {
    return new Gates(control, dice);
  }

  /** Opens a gate that is closed, closes one that is open and where nobody stands in the way. */
  async turnOne(): Promise<void> {
    const key = [space, this.dice.below(gates.length)];
    const { rows } = await this.control.query('select pg_advisory_unlock($1, $2) as opened', key);
    if (!Opened.parse(rows)[0].opened) await this.control.query('select pg_try_advisory_lock($1, $2)', key);
  }

  async openAll(): Promise<void> {
    await this.control.query('select pg_advisory_unlock_all()');
  }
}

const Opened = z.tuple([z.object({ opened: z.boolean() })]);

function gate(name: (typeof gates)[number]): string {
  return `interleave_gate(${String(gates.indexOf(name))})`;
}
