import type { PromptSessionMoment } from './prompt-session.js';
import { watched } from './watch-item.js';
import { type Icon, itemJson, type WatchNames } from './watch-packets.js';
import type { Moment } from './watch-room.js';

export interface Came {
  readonly names: WatchNames;
  readonly position: bigint;
  /** Server time. */
  readonly cameAt: number;
  /** Asked for when it is written down. */
  readonly icon: () => Icon | null;
  readonly erased?: boolean;
}

/** Something that happened in a stay, as a room keeps it: it is written down once, when the first watcher gets it. */
export function momentOf(moment: PromptSessionMoment, { names, position, cameAt, icon, erased = false }: Came): Moment {
  const at = Number(position);
  let item: string | undefined;
  const write = (): string => {
    const face = erased ? null : icon();
    return itemJson(names, { moment, watched: watched(moment, { erased }), position: at, icon: face, erased });
  };
  return { position: at, promptTime: moment.promptTime, cameAt, item: () => (item ??= write()) };
}
