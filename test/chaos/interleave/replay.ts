import { judge, type History, type Violation } from './judge.js';
import type { Protocol } from './protocol.js';
import type { RealDatabase } from './real-database.js';
import type { Schedule, Turn } from './schedule.js';
import type { Answer, LoggedEvent, NewEvent } from './statement.js';

/**
 * Takes a schedule that ran on the model to PostgreSQL, turn by turn, transactions held open wherever the schedule left them.
 * PostgreSQL must give the same answer, wait at the same turns, and be freed by the same ones.
 */
export async function replay(database: RealDatabase, protocol: Protocol, schedule: Schedule): Promise<Replayed> {
  await database.reset(protocol.unique);
  const waiting = new Map<string, Promise<Answer>>();
  const log: NewEvent[] = [];
  for (const [nth, turn] of schedule.turns.entries()) {
    const differs = await repeat(database, turn, waiting);
    if (differs !== undefined) {
      // Whatever is still open belongs to a schedule that is over.
      await database.disconnect();
      return { violations: [], differs: `turn ${String(nth)}, ${turn.actor}: ${differs}` };
    }
    if (commits(turn)) log.push(...(await newSince(database, log)));
  }
  const { acknowledged, stuck } = schedule.history;
  const history: History = { log, applied: await database.applied(), acknowledged, stuck };
  return { violations: judge(history, protocol), differs: ledgersDiffer(history, schedule.history) };
}

export interface Replayed {
  readonly violations: readonly Violation[];
  /** Where PostgreSQL and the model went different ways, if they did. */
  readonly differs: string | undefined;
}

const waitMsMax = 5_000;

async function repeat(
  database: RealDatabase,
  turn: Turn,
  waiting: Map<string, Promise<Answer>>,
): Promise<string | undefined> {
  if (turn.did === 'crash') {
    await database.crash(turn.actor);
    waiting.delete(turn.actor);
  } else {
    const answer = database.execute(turn.actor, turn.did);
    // A crash later on ends a statement that waits; nobody is left to hear of it.
    answer.catch(() => undefined);
    if (turn.answer === 'waits') {
      if (!(await database.waits(turn.actor, waitMsMax))) return `${turn.did.do} did not wait`;
      waiting.set(turn.actor, answer);
    } else {
      const differs = await compare(answer, turn.answer);
      if (differs !== undefined) return `${turn.did.do}: ${differs}`;
    }
  }
  for (const freed of turn.released) {
    const answer = waiting.get(freed.actor);
    waiting.delete(freed.actor);
    const differs = answer === undefined ? 'was not waiting' : await compare(answer, freed.answer);
    if (differs !== undefined) return `freed ${freed.actor}: ${differs}`;
  }
  return undefined;
}

async function compare(answer: Promise<Answer>, model: Answer): Promise<string | undefined> {
  const late = new Promise<'no answer'>((resolve) => {
    setTimeout(resolve, waitMsMax, 'no answer' as const).unref();
  });
  const [said, foretold] = [JSON.stringify(await Promise.race([answer, late])), JSON.stringify(model)];
  return said === foretold ? undefined : `${said} instead of ${foretold}`;
}

function commits({ did }: Turn): boolean {
  return did !== 'crash' && did.do === 'commit';
}

async function newSince(database: RealDatabase, log: readonly NewEvent[]): Promise<readonly NewEvent[]> {
  const known = new Set(log.map(({ uid }) => uid));
  return (await database.log()).filter(({ uid }) => !known.has(uid)).sort((a, b) => a.position - b.position);
}

function ledgersDiffer(real: History, model: History): string | undefined {
  const described = (log: readonly NewEvent[], applied: readonly Pick<LoggedEvent, 'uid'>[]): string =>
    JSON.stringify([log.map(({ uid, position, version }) => [uid, position, version]), applied.map(({ uid }) => uid)]);
  const [came, foretold] = [described(real.log, real.applied), described(model.log, model.applied)];
  return came === foretold ? undefined : `in the end: ${came} instead of ${foretold}`;
}
