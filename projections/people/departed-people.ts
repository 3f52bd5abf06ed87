import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { UserSub } from '../../src/kernel/ids.js';
import type { personEvents } from '../../src/people/person.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * Who is gone: erased, or merged into somebody else. Everybody else is here, also those that nothing was ever heard of.
 *
 * Read: one row per person asked for, by primary key. Change: one row, once or twice in a lifetime.
 */
const tables = {
  departed: table({
    name: 'departed_people',
    columns: { user_sub: 'text', merged_into: 'text?' },
    key: ['user_sub'],
  }),
};

export const departedPeople = projection<typeof personEvents>()({
  name: 'departed_people',
  version: 1,
  tables,
  when: {
    PersonMerged: ({ from, into }, rows) => {
      rows.departed.set({ user_sub: from }, { merged_into: into });
    },
    PersonErased: ({ userSub }, rows) => {
      rows.departed.set({ user_sub: userSub }, { merged_into: null });
    },
  },
});

/** Those of these people who are gone, and where to. */
export class Departures extends Query<ReadonlyMap<UserSub, Departure>> {
  constructor(readonly people: readonly UserSub[]) {
    super();
  }
}

export type Departure = { readonly kind: 'erased' } | { readonly kind: 'merged'; readonly into: UserSub };

@QueryHandler(Departures)
export class DeparturesHandler implements IQueryHandler<Departures> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ people }: Departures): Promise<ReadonlyMap<UserSub, Departure>> {
    const sql = 'select user_sub, merged_into from read.departed_people where user_sub = any($1)';
    const rows = await this.readModels.query({ user_sub: 'text', merged_into: 'text?' }, sql, [[...people]]);
    return new Map(
      rows.map(({ user_sub, merged_into: into }) => [
        UserSub.parse(user_sub),
        into === null ? { kind: 'erased' } : { kind: 'merged', into: UserSub.parse(into) },
      ]),
    );
  }
}
