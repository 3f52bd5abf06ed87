import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { publicPromptEvents } from '../../src/interactive-prompts/public-prompt.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * The instances that a public prompt ever had: which prompt stood behind its name, from when until when at most, and why it took
 * the place of the one before. For whoever analyses the answers; serving people doesn't need it.
 *
 * Read: a page of the instances of one name, newest first, from an index. Change: one row for each new instance.
 */
const tables = {
  instances: table({
    name: 'public_instances',
    columns: {
      record_uid: 'text',
      identifier: 'text',
      version: 'integer',
      prompt_uid: 'text',
      started_position: 'bigint',
      started_at: 'double',
      expires_at: 'double',
      reason: 'text',
    },
    key: ['record_uid'],
    indexes: [['identifier', 'started_position']],
  }),
};

export const publicInstances = projection<typeof publicPromptEvents>()({
  name: 'public_instances',
  version: 1,
  tables,
  when: {
    PublicInstanceRotated: (
      { recordUid, identifier, version, promptUid, at, expiresAt, reason },
      rows,
      { position },
    ) => {
      const times = { started_position: Number(position), started_at: at, expires_at: expiresAt };
      rows.instances.set({ record_uid: recordUid }, { identifier, version, prompt_uid: promptUid, ...times, reason });
    },
  },
});

/** Newest first. */
export class InstancesOf extends Query<readonly PublicInstance[]> {
  constructor(
    readonly identifier: string,
    readonly page: {
      /** Only instances from before this position. */ readonly before?: number | undefined;
      readonly limit: number;
    },
  ) {
    super();
  }
}

export interface PublicInstance {
  readonly record_uid: string;
  readonly version: number;
  readonly prompt_uid: string;
  readonly started_position: number;
  readonly started_at: number;
  readonly expires_at: number;
  readonly reason: string;
}

const page = {
  columns: {
    record_uid: 'text',
    version: 'integer',
    prompt_uid: 'text',
    started_position: 'bigint',
    started_at: 'double',
    expires_at: 'double',
    reason: 'text',
  },
  sql: `select record_uid, version, prompt_uid, started_position, started_at, expires_at, reason
        from read.public_instances where identifier = $1 and started_position < $2::bigint
        order by started_position desc limit $3`,
} as const;

@QueryHandler(InstancesOf)
export class InstancesOfHandler implements IQueryHandler<InstancesOf> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ identifier, page: { before = Number.MAX_SAFE_INTEGER, limit } }: InstancesOf) {
    return this.readModels.query(page.columns, page.sql, [identifier, before, limit]);
  }
}
