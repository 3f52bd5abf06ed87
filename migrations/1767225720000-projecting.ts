import type { MigrationInterface, QueryRunner } from 'typeorm';
import { z } from 'zod';

const Schemas = z.array(z.object({ schema: z.string() }));

/**
 * What must survive about read models, which themselves may always be thrown away and built again: how far each build got,
 * which one is read, who works on it, and the events that could not be applied.
 *
 * A projection may have any number of builds. Which of them is read is a fact of its own (`active`), not a state of the
 * build, so that a switch is one row changed and its reverse the same.
 */
export class Projecting1767225720000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('create schema projecting');
    await queryRunner.query('create schema read');
    await this.leases(queryRunner);
    await this.builds(queryRunner);
    await this.deadLetters(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const builds = Schemas.parse(await queryRunner.query('select schema from projecting.builds'));
    for (const { schema } of builds) await queryRunner.query(`drop schema if exists "${schema}" cascade`);
    await queryRunner.query('drop schema read cascade');
    await queryRunner.query('drop schema projecting cascade');
  }

  private async leases(queryRunner: QueryRunner): Promise<void> {
    // Changed every second, never looked up but by name: room on the page keeps the changes out of the index.
    await queryRunner.query(`
      create table projecting.leases (
        name text primary key,
        owner text,
        epoch bigint not null default 0,
        expires_at timestamptz not null default '-infinity'
      ) with (fillfactor = 50)`);
    await queryRunner.query(`
      create table projecting.workers (
        owner text primary key,
        wants text[] not null,
        expires_at timestamptz not null
      ) with (fillfactor = 50)`);
  }

  private async builds(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table projecting.builds (
        build bigint generated always as identity primary key,
        projection text not null,
        version integer not null,
        schema text not null unique,
        definition text not null,
        state text not null check (state in ('building', 'live', 'retired')),
        position bigint not null default 0,
        epoch bigint not null default 0,
        started_at timestamptz not null default clock_timestamp(),
        moved_at timestamptz not null default clock_timestamp(),
        live_at timestamptz,
        retired_at timestamptz
      ) with (fillfactor = 50)`);
    await queryRunner.query('create index builds_projection on projecting.builds (projection, version)');
    await queryRunner.query(`
      create table projecting.active (
        projection text primary key,
        build bigint not null unique references projecting.builds
      )`);
  }

  private async deadLetters(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table projecting.dead_letters (
        id bigint generated always as identity primary key,
        build bigint not null references projecting.builds on delete cascade,
        projection text not null,
        version integer not null,
        position bigint not null,
        event_id text not null,
        stream text not null,
        key text not null,
        type text not null,
        state text not null check (state in ('poisoned', 'waiting', 'retrying', 'resolved')),
        error text,
        message text,
        attempts integer not null,
        first_at timestamptz not null default clock_timestamp(),
        last_at timestamptz not null default clock_timestamp(),
        unique (build, position)
      )`);
    await queryRunner.query(`
      create index dead_letters_unresolved on projecting.dead_letters (build, position) where state <> 'resolved'`);
  }
}
