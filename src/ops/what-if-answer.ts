import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventFamilies } from '../app/events.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { codeOf } from '../platform/database/error-code.js';
import type { Alterations } from '../platform/time-travel/altered-fold.js';
import type { ChangeOfEvent } from '../platform/time-travel/changed-events.js';
import { injectedIn } from '../platform/time-travel/injected-events.js';
import { leftOutIn } from '../platform/time-travel/left-out.js';
import type { Moment } from '../platform/time-travel/moment.js';
import type { Question } from '../platform/time-travel/question.js';
import type { Printing } from './environment.js';
import { printJson, say } from './output.js';
import { printDifferences } from './printed-differences.js';
import { travelling, type Permission } from './travelling.js';

export interface WhatIfOrder extends Question, Printing, Permission {
  readonly model: string;
  readonly asOf?: Moment;
  readonly without: readonly string[];
  readonly change?: string;
  readonly inject?: string;
}

export async function answerWhatIf(config: Config, order: WhatIfOrder): Promise<void> {
  const { model, asOf, without, change, inject, json } = order;
  if (without.length === 0 && change === undefined && inject === undefined) {
    throw new CannotStart('Say what should have been otherwise: --without, --change or --inject.');
  }
  const types = new Set(eventFamilies.flatMap((family) => Object.keys(family)));
  await travelling(config, order, async (time, how) => {
    const alterations: Alterations = {
      without: without.map((text) => leftOutIn(text, types)),
      change: change === undefined ? undefined : await changeIn(change),
      inject: inject === undefined ? [] : injectedIn(await textOf(inject)),
    };
    const { tables, ...facts } = await time.whatIf({ model, ...how }, asOf, alterations, order);
    return () => {
      if (json === true) {
        const { position, events, leftOut, changed, injected } = facts;
        printJson({ model, position, events, left_out: leftOut, changed, injected, tables });
        return;
      }
      const { position, events, leftOut, changed, injected } = facts;
      say(
        `${model} as of position ${String(position)}: of ${String(events)} events, ${String(leftOut)} left out and ${String(changed)} changed; ${String(injected)} added.`,
      );
      printDifferences(tables);
    };
  });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CannotStart(`${file} cannot be read (${codeOf(error) ?? 'no reason is known'}).`);
  }
}

async function changeIn(file: string): Promise<ChangeOfEvent> {
  const module = await imported(file);
  const functions = Object.values(module).filter(isChange);
  const [only, another] = functions;
  if (only === undefined || another !== undefined) {
    throw new CannotStart(
      `${file} must export one function (event => event), but it exports ${String(functions.length)}.`,
    );
  }
  return only;
}

async function imported(file: string): Promise<object> {
  try {
    const module: unknown = await import(pathToFileURL(resolve(file)).href);
    return typeof module === 'object' && module !== null ? module : {};
  } catch (error) {
    throw new CannotStart(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isChange(value: unknown): value is ChangeOfEvent {
  return typeof value === 'function';
}
