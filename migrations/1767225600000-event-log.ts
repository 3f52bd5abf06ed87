import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The log and the command ledger.
 *
 * Positions are gapless and in commit order because every append holds one advisory lock until its transaction ends. The
 * functions are volatile and take that lock in a statement of its own: each later statement then has a fresh snapshot, which
 * sees everything the previous holder committed. Checked in the same statement, versions would be those of an older snapshot.
 *
 * There is no table of streams: the version of a stream is one descent of the (stream, version) index. `data` is json, not
 * jsonb: it is stored as written, and read whole. A later migration makes the functions look versions up for less.
 */
export class EventLog1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create schema log`);
    await runner.query(`
      create table log.events (
        position bigint primary key,
        stream text collate "C" not null,
        version integer not null,
        id uuid not null,
        type text collate "C" not null,
        schema_version smallint not null,
        data json not null,
        metadata json not null,
        recorded_at timestamptz(3) not null,
        constraint events_stream_version unique (stream, version)
      )`);
    await runner.query(`
      create table log.commands (
        id text collate "C" primary key,
        fingerprint text collate "C" not null,
        first_position bigint,
        last_position bigint not null,
        recorded_at timestamptz(3) not null
      )`);
    // Entries expire by age; they arrive in order of age, so a block range index finds the old ones at next to no cost.
    await runner.query(`create index commands_recorded_at on log.commands using brin (recorded_at)`);
    await runner.query(refuseChange);
    await runner.query(`
      create trigger events_are_facts before update or delete or truncate on log.events
      for each statement execute function log.refuse_change()`);
    await runner.query(appendOne);
    await runner.query(appendMany);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop schema log cascade`);
  }
}

const refuseChange = `
  create function log.refuse_change() returns trigger language plpgsql as $$
  begin
    raise exception 'Events are facts: they are never updated or deleted.';
  end
  $$`;

/** The lock that makes positions gapless and commit-ordered. Any number will do; it must only never change. */
const takeLock = `perform pg_advisory_xact_lock(7253001)`;

/**
 * One event to one stream: what a lone caller does. A single plain insert is all it adds to the lock and two index look-ups.
 *
 * \`expected\` is a version, or -1 for any and -2 for exists. \`outcome\` is the stream's version before the append; when the
 * version did not fit, it is minus one minus that; it is null when the ledger knows the command already.
 */
const appendOne = `
  create function log.append_one(
    p_stream text, p_expected integer, p_id uuid, p_type text, p_schema_version smallint, p_data json, p_metadata json,
    p_command text, p_fingerprint text,
    out head bigint, out at timestamptz(3), out outcome integer
  ) language plpgsql volatile as $$
  begin
    ${takeLock};
    if p_command is not null and (select true from log.commands c where c.id = p_command limit 1) then
      return;
    end if;
    select e.position, e.recorded_at into head, at from log.events e order by e.position desc limit 1;
    head := coalesce(head, 0);
    at := date_trunc('milliseconds', greatest(at, clock_timestamp()));
    outcome := coalesce((select e.version from log.events e where e.stream = p_stream order by e.version desc limit 1), 0);
    if not (p_expected = outcome or p_expected = -1 or p_expected = -2 and outcome > 0) then
      outcome := -1 - outcome;
      return;
    end if;
    insert into log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
    values (head + 1, p_stream, outcome + 1, p_id, p_type, p_schema_version, p_data, p_metadata, at);
    if p_command is not null then
      insert into log.commands (id, fingerprint, first_position, last_position, recorded_at)
      values (p_command, p_fingerprint, head + 1, head + 1, at);
    end if;
  end
  $$`;

/**
 * Many independent appends in one commit.
 *
 * Three sets of parallel arrays: the streams of all appends with what is expected of them; the events, each with the number of
 * its stream in the first set and its step, the how-manieth event of that stream it is; the commands to remember, each with the
 * ordinals of its first and last event.
 *
 * If every stream fits and no command is known, all is written. If not, nothing is, and the caller learns the versions and the
 * known commands, leaves out what cannot be, and comes again: refusals are rare, and writing without having to pick makes
 * every other flush a quarter cheaper. The shape is deliberate in two more ways. Nothing joins two arrays, which the planner
 * would loop over, believing each to have ten rows; and only arrays of numbers are subscripted, because finding the n-th text
 * of an array means walking there.
 */
const appendMany = `
  create function log.append(
    p_stream text[], p_expected integer[],
    p_write integer[], p_step integer[], p_event_stream text[], p_id uuid[], p_type text[], p_schema_version smallint[],
    p_data json[], p_metadata json[],
    p_command text[], p_fingerprint text[], p_first integer[], p_last integer[],
    out head bigint, out at timestamptz(3), out written boolean, out versions integer[], out known text[]
  ) language plpgsql volatile as $$
  begin
    ${takeLock};
    select e.position, e.recorded_at into head, at from log.events e order by e.position desc limit 1;
    head := coalesce(head, 0);
    at := date_trunc('milliseconds', greatest(at, clock_timestamp()));
    select
      array_agg(version order by ordinal),
      bool_and(expected = version or expected = -1 or expected = -2 and version > 0)
    into versions, written
    from (
      select expected, ordinal,
        coalesce((select e.version from log.events e where e.stream = given.stream order by e.version desc limit 1), 0) as version
      from unnest(p_stream, p_expected) with ordinality as given (stream, expected, ordinal)
    ) as checked;
    known := '{}';
    if cardinality(p_command) > 0 then
      known := array(select c.id from log.commands c where c.id = any (p_command));
      written := written and cardinality(known) = 0;
    end if;
    if not written then
      return;
    end if;
    insert into log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
    select head + ordinal, stream, versions[write] + step, id, type, schema_version, data, metadata, at
    from unnest(p_write, p_step, p_event_stream, p_id, p_type, p_schema_version, p_data, p_metadata) with ordinality
      as given (write, step, stream, id, type, schema_version, data, metadata, ordinal);
    if cardinality(p_command) > 0 then
      insert into log.commands (id, fingerprint, first_position, last_position, recorded_at)
      select id, fingerprint, head + first, head + last, at
      from unnest(p_command, p_fingerprint, p_first, p_last) as given (id, fingerprint, first, last);
    end if;
  end
  $$`;
