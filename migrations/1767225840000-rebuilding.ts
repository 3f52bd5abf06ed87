import type { MigrationInterface, QueryRunner } from 'typeorm';
import { z } from 'zod';

const Schemas = z.array(z.object({ schema: z.string() }));

/**
 * Rebuilds outlive the process that carries them out: all that the next one needs to go on is in these rows.
 *
 * A build may now also be `previous` (was live, and is kept up to date so that a switch can be taken back) or `scratch`
 * (somebody's experiment, dropped when it ends), and it may be paused.
 */
export class Rebuilding1767225840000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await dropBuilds(queryRunner, ['building']);
    await queryRunner.query('alter table projecting.builds drop constraint builds_state_check');
    await queryRunner.query(`
      alter table projecting.builds
        add constraint builds_state_check check (state in ('building', 'live', 'previous', 'retired', 'scratch')),
        add column paused_at timestamptz`);
    await queryRunner.query('create sequence projecting.passes');
    await queryRunner.query(`
      create table projecting.rebuilds (
        rebuild bigint generated always as identity primary key,
        pass bigint not null,
        projection text not null,
        version integer not null,
        build bigint references projecting.builds on delete set null,
        replaced bigint references projecting.builds on delete set null,
        reason text not null check (reason in ('asked', 'version')),
        state text not null check (state in (
          'planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready', 'switched',
          'rolled_back', 'retired', 'aborted')),
        request text check (request in ('verify', 'switch', 'rollback', 'retire', 'abort')),
        switches boolean not null,
        problem text,
        paused_at timestamptz,
        epoch bigint not null default 0,
        expected text[] not null default '{}',
        plan jsonb,
        throttle integer,
        target bigint not null default 0,
        events bigint not null default 0,
        events_per_s double precision not null default 0,
        report jsonb,
        steps jsonb not null default '{}',
        grace_until timestamptz,
        moved_at timestamptz not null default clock_timestamp()
      ) with (fillfactor = 50)`);
    await queryRunner.query(`
      create unique index rebuilds_unfinished on projecting.rebuilds (projection)
      where state in ('planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready')`);
    await queryRunner.query('create index rebuilds_projection on projecting.rebuilds (projection, rebuild)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table projecting.rebuilds');
    await queryRunner.query('drop sequence projecting.passes');
    await dropBuilds(queryRunner, ['building', 'previous', 'scratch']);
    await queryRunner.query('alter table projecting.builds drop column paused_at, drop constraint builds_state_check');
    await queryRunner.query(`
      alter table projecting.builds
        add constraint builds_state_check check (state in ('building', 'live', 'retired'))`);
  }
}

async function dropBuilds(queryRunner: QueryRunner, states: readonly string[]): Promise<void> {
  const gone: unknown = await queryRunner.query(
    `select schema from projecting.builds where state = any($1) order by build`,
    [states],
  );
  for (const { schema } of Schemas.parse(gone)) await queryRunner.query(`drop schema if exists "${schema}" cascade`);
  await queryRunner.query('delete from projecting.builds where state = any($1)', [states]);
}
