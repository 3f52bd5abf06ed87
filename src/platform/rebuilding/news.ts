import type { Rebuild } from './rebuild.js';
import type { Rebuilds } from './rebuilds.js';

/** Tells of each rebuild when it comes to another state, and when a problem stops it. States that pass in a moment may be left out. */
export class News {
  private readonly told = new Map<string, string>();

  constructor(
    private readonly rebuilds: Pick<Rebuilds, 'find'>,
    private readonly tell: (rebuild: Rebuild) => void,
  ) {}

  /** `due` are those that there is something to do for. One that was and is no more has ended. */
  async of(due: readonly Rebuild[]): Promise<void> {
    for (const rebuild of due) this.tellIfNew(rebuild);
    const gone = [...this.told.keys()].filter((id) => !due.some(({ rebuild }) => rebuild === id));
    for (const id of gone) {
      const ended = await this.rebuilds.find(id);
      if (ended !== undefined) this.tellIfNew(ended);
      this.told.delete(id);
    }
  }

  private tellIfNew(rebuild: Rebuild): void {
    const news = `${rebuild.state} ${rebuild.problem ?? ''}`;
    if (this.told.get(rebuild.rebuild) === news) return;
    this.told.set(rebuild.rebuild, news);
    this.tell(rebuild);
  }
}
