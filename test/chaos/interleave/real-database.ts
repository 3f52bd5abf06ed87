import pg from 'pg';
import { z } from 'zod';
import { done, type Answer, type LoggedEvent, type NewEvent, type PageOrder, type Statement } from './statement.js';

/** PostgreSQL as the protocols see it: each statement as SQL, and a look at who is waiting for a lock. */
export class RealDatabase {
  readonly #clients = new Map<string, Promise<pg.Client>>();

  private constructor(
    private readonly url: string,
    private readonly control: pg.Client,
  ) {}

  /** On a server of this run alone: a vacuum that comes along would be a running transaction that no schedule knows of. */
  static async open(url: string): Promise<RealDatabase> {
    const control = new pg.Client({
      connectionString: url,
      options: '-c synchronous_commit=off -c client_min_messages=warning',
    });
    control.on('error', () => undefined);
    await control.connect();
    await control.query('alter system set autovacuum = off');
    await control.query('select pg_reload_conf()');
    await control.query(schema);
    return new RealDatabase(url, control);
  }

  /** Empties everything, with the unique indexes a protocol asks for. */
  async reset(unique: { readonly positions: boolean; readonly versions: boolean }): Promise<void> {
    await this.control.query(`
      delete from interleave.events;
      delete from interleave.commands;
      delete from interleave.applied;
      update interleave.checkpoint set position = 0, epoch = 0;
      alter sequence interleave.positions restart;
      ${uniqueIndex('unique_position', 'position', unique.positions)};
      ${uniqueIndex('unique_version', 'stream, version', unique.versions)}`);
  }

  async execute(actor: string, statement: Statement): Promise<Answer> {
    const client = await this.#client(actor);
    try {
      return await run(client, statement);
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === '23505') return { is: 'duplicate' };
      throw error;
    }
  }

  /** True as soon as the actor's statement waits for a lock; false when it doesn't within the time. */
  async waits(actor: string, msMax: number): Promise<boolean> {
    const client = await this.#client(actor);
    const giveUpAt = performance.now() + msMax;
    do {
      const { rows } = await this.control.query('select from pg_locks where pid = $1 and not granted', [
        processId(client),
      ]);
      if (rows.length > 0) return true;
    } while (performance.now() < giveUpAt);
    return false;
  }

  /** The connection is cut from the server's side, and what it had open is rolled back before this resolves. */
  async crash(actor: string): Promise<void> {
    const connected = this.#clients.get(actor);
    if (connected === undefined) return;
    this.#clients.delete(actor);
    const client = await connected;
    await this.control.query('select pg_terminate_backend($1, 5000)', [processId(client)]);
    await client.end().catch(() => undefined);
  }

  async log(): Promise<readonly NewEvent[]> {
    const { rows } = await this.control.query(
      'select uid, command, stream, version, position, expected from interleave.events',
    );
    return z.array(StoredRow).parse(rows);
  }

  async applied(): Promise<readonly LoggedEvent[]> {
    const { rows } = await this.control.query(
      'select uid, stream, version, position from interleave.applied order by ordinal',
    );
    return z.array(EventRow).parse(rows);
  }

  async close(): Promise<void> {
    await this.disconnect();
    await this.control.end();
  }

  async disconnect(): Promise<void> {
    for (const actor of [...this.#clients.keys()]) await this.crash(actor);
  }

  #client(actor: string): Promise<pg.Client> {
    const known = this.#clients.get(actor) ?? this.#connect();
    this.#clients.set(actor, known);
    return known;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url, options: '-c synchronous_commit=off' });
    // Connections of this run are cut on purpose.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}

const count = z.coerce.number().int();
const EventRow = z.object({ uid: z.string(), stream: z.string(), version: count, position: count });
const StoredRow = EventRow.extend({ command: z.string(), expected: count });
const NumberRow = z.tuple([z.object({ number: count })]);
const CheckpointRow = z.tuple([z.object({ position: count, epoch: count })]);

function uniqueIndex(name: string, columns: string, wanted: boolean): string {
  return wanted
    ? `create unique index if not exists ${name} on interleave.events (${columns})`
    : `drop index if exists interleave.${name}`;
}

const schema = `
  create schema interleave;
  create table interleave.events (
    position bigint, stream text, version int, uid text, command text, expected int, transaction xid8 default pg_current_xact_id()
  );
  create sequence interleave.positions;
  create table interleave.commands (command text primary key);
  create table interleave.applied (ordinal bigserial, uid text, stream text, version int, position bigint);
  create table interleave.checkpoint (singleton boolean primary key default true check (singleton), position bigint, epoch int);
  insert into interleave.checkpoint values (true, 0, 0);
  create table interleave.touched (at timestamptz)`;

const lockKey = 815;
/** The key space of announcements; the other half of such a key is the announced value. */
const announcements = 816;

async function run(client: pg.Client, statement: Statement): Promise<Answer> {
  switch (statement.do) {
    case 'begin':
      return command(
        client,
        `begin isolation level ${statement.snapshot === 'one for all' ? 'repeatable read' : 'read committed'}`,
      );
    case 'commit':
    case 'rollback':
      return command(client, statement.do);
    case 'lock':
      return command(
        client,
        `select pg_advisory_${statement.until === 'unlock' ? '' : 'xact_'}lock(${String(lockKey)})`,
      );
    case 'unlock':
      return command(client, `select pg_advisory_unlock(${String(lockKey)})`);
    case 'touch':
      return command(client, 'insert into interleave.touched values (now())');
    case 'announce':
      return command(client, `select pg_advisory_xact_lock_shared(${String(announcements)}, (${drawn})::int)`);
    case 'fence':
      return number(
        client,
        `select least((${drawn}), (select min(objid::bigint) from pg_locks
           where locktype = 'advisory' and classid = ${String(announcements)} and granted)) as number`,
      );
    case 'draw position':
      return number(client, `select nextval('interleave.positions') as number, pg_current_xact_id()`);
    case 'head':
      return number(client, 'select coalesce(max(position), 0) as number from interleave.events');
    case 'version':
      return number(client, 'select coalesce(max(version), 0) as number from interleave.events where stream = $1', [
        statement.stream,
      ]);
    case 'insert':
      return insert(client, statement.event);
    case 'recall':
      return found(client, 'select from interleave.commands where command = $1', [statement.command]);
    case 'remember':
      return command(client, 'insert into interleave.commands values ($1)', [statement.command]);
    case 'page':
      return page(client, statement);
    case 'claim': {
      const { rows } = await client.query(
        'update interleave.checkpoint set epoch = epoch + 1 returning position, epoch',
      );
      return { is: 'checkpoint', checkpoint: CheckpointRow.parse(rows)[0] };
    }
    case 'save checkpoint':
      return saveCheckpoint(client, statement);
    case 'apply':
      return command(
        client,
        `insert into interleave.applied (uid, stream, version, position)
         select * from jsonb_to_recordset($1) as event(uid text, stream text, version int, position bigint)`,
        [JSON.stringify(statement.events)],
      );
    case 'acknowledge':
      return done;
  }
}

const drawn = 'select case when is_called then last_value else 0 end from interleave.positions';

async function command(client: pg.Client, text: string, values: readonly unknown[] = []): Promise<Answer> {
  await client.query(text, [...values]);
  return done;
}

async function number(client: pg.Client, text: string, values: readonly unknown[] = []): Promise<Answer> {
  const { rows } = await client.query(text, [...values]);
  return { is: 'number', number: NumberRow.parse(rows)[0].number };
}

async function found(client: pg.Client, text: string, values: readonly unknown[]): Promise<Answer> {
  const { rowCount } = await client.query(text, [...values]);
  return { is: 'yes or no', yes: rowCount === 1 };
}

function insert(
  client: pg.Client,
  { position, stream, version, uid, command: by, expected }: NewEvent,
): Promise<Answer> {
  return command(
    client,
    'insert into interleave.events (position, stream, version, uid, command, expected) values ($1, $2, $3, $4, $5, $6)',
    [position, stream, version, uid, by, expected],
  );
}

function saveCheckpoint(
  client: pg.Client,
  { position, only }: Extract<Statement, { do: 'save checkpoint' }>,
): Promise<Answer> {
  const update = 'update interleave.checkpoint set position = $1';
  return only === 'always'
    ? found(client, update, [position])
    : found(client, `${update} where epoch = $2 and position = $3`, [position, only.epoch, only.position]);
}

async function page(client: pg.Client, { after, limit, order }: Extract<Statement, { do: 'page' }>): Promise<Answer> {
  const { rows } = await client.query(
    `select uid, stream, version, position from interleave.events where ${pages[order]} limit $2`,
    [after, limit],
  );
  return { is: 'events', events: z.array(EventRow).parse(rows) };
}

const settled = 'transaction < pg_snapshot_xmin(pg_current_snapshot())';
const pages: Readonly<Record<PageOrder, string>> = {
  position: 'position > $1 order by position',
  'transaction, cursor on position': `${settled} and position > $1 order by transaction, position`,
  'transaction, cursor on both': `${settled} and (transaction, position) >
    (coalesce((select transaction from interleave.events where position = $1), '0'::xid8), $1) order by transaction, position`,
};

/** Set by the driver once connected, though its types don't say so. */
function processId(client: pg.Client): number {
  return z.object({ processID: z.int() }).parse(client).processID;
}
