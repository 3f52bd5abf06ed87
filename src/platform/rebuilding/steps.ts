import { createIndexes, quoted } from '../projecting/ddl.js';
import { abort, retire } from './endings.js';
import { isUnfinished } from './rebuild.js';
import { CutShort, orSayWhy } from './problems.js';
import { Switching } from './switching.js';
import type { Task } from './task.js';
import { verify } from './verification.js';
import { whatDiffers } from './what-differs.js';

/** Carries out one step, or as much of it as there is to do; the next look at the row finds what comes after it. */
export async function advance(task: Task, signal: AbortSignal): Promise<void> {
  const { rebuild, projection } = task;
  if (isUnfinished(rebuild) && (rebuild.request === 'abort' || rebuild.version < projection.version)) {
    await abort(task, signal);
  } else if (task.goesOn || !isUnfinished(rebuild)) {
    await orSayWhy(task, () => step(task, signal));
  }
}

/** A row that waits in line is looked at again when its turn comes: what was asked for meanwhile is seen one round later. */
export function takesLong({ rebuild: { state, request } }: Task): boolean {
  return request !== 'abort' && (state === 'catching_up' || state === 'indexing' || state === 'verifying');
}

async function step(task: Task, signal: AbortSignal): Promise<void> {
  switch (task.rebuild.state) {
    case 'planned':
    case 'replaying':
      return;
    case 'catching_up':
      return catchUp(task, signal);
    case 'indexing':
      return index(task, signal);
    case 'verifying':
      return compare(task, signal);
    case 'ready':
      return stayReady(task, signal);
    case 'switched':
    case 'rolled_back':
    case 'retired':
    case 'aborted':
      return standBy(task, signal);
  }
}

async function catchUp(task: Task, signal: AbortSignal): Promise<void> {
  const filling = await task.filling();
  for (;;) {
    const target = await task.target();
    const isClose = target - filling.position <= closePositions;
    if (!isClose) await task.say({ target });
    if (!(await task.bring(filling, target, signal))) return;
    if (isClose) break;
  }
  await task.at('caught_up', signal);
  await task.say({ state: 'indexing' });
}

/** One index after the other, each made once however often this is cut off. Then the planner is told what the tables are like. */
async function index(task: Task, signal: AbortSignal): Promise<void> {
  const { pool } = task.parts.database;
  const { schema } = await task.filling();
  for (const table of Object.values(task.projection.tables)) {
    for (const sql of createIndexes(schema, table)) {
      await pool.query(sql);
      await task.at('indexed', signal);
    }
    await pool.query(`analyze ${quoted(schema)}.${quoted(table.name)}`);
  }
  await task.say({ state: 'verifying' });
}

async function compare(task: Task, signal: AbortSignal): Promise<void> {
  const { rebuild, parts } = task;
  const live = await task.live();
  if (live !== undefined && live.refused !== null) {
    // It was made from another log: there is nothing that the new build should be equal to.
    await task.say({ state: 'ready', report: null });
    return;
  }
  const filling = await task.filling();
  const bringTo = (position: bigint) => task.bring(filling, position, signal);
  const report = await verify(parts, { filling, rebuild, bringTo, signal }).catch(unlessCutShort);
  if (report === undefined) return;
  await task.at('verified', signal);
  if (!report.equal) await task.say({ report, problem: whatDiffers(report), request: null });
  else await task.say({ report, state: 'ready', ...(rebuild.request === 'verify' && { request: null }) });
}

function unlessCutShort(error: unknown): undefined {
  if (!(error instanceof CutShort)) throw error;
}

async function stayReady(task: Task, signal: AbortSignal): Promise<void> {
  const { request, switches, position } = task.rebuild;
  const target = await task.target();
  if (target > (position ?? 0n) && !(await task.bring(await task.filling(), target, signal))) return;
  const wantsSwitch = request === 'switch' || switches;
  if (request === 'verify' || (wantsSwitch && !(await isProven(task)))) await task.say({ state: 'verifying' });
  else if (wantsSwitch) {
    await task.at('switching', signal);
    await new Switching(task).switch();
  }
}

/** Not long ago, and by a report that this program can read; or there is nothing that it should be equal to. */
async function isProven(task: Task): Promise<boolean> {
  const { report } = task.rebuild;
  if (report !== null) return Date.now() - Date.parse(report.at) <= proofMsMax;
  const live = await task.live();
  return live?.refused !== null;
}

async function standBy(task: Task, signal: AbortSignal): Promise<void> {
  const { request, graceUntil, state } = task.rebuild;
  if (request === 'rollback' && state === 'switched') {
    await task.at('rolling_back', signal);
    await new Switching(task).rollBack();
  } else if (request === 'retire' || (graceUntil !== null && graceUntil.getTime() <= Date.now())) {
    await retire(task, signal);
  } else if (request !== null) {
    await task.say({ request: null });
  }
}

/** So few positions behind the live build that the next step can begin. */
const closePositions = 1_000n;
/** A proof that is older is made again before readers see the build. */
const proofMsMax = 300_000;
