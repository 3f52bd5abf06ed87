import { codeOf } from '../database/error-code.js';
import type { DomainEvent } from '../event-store/event-store.js';
import { ValueUnstorable } from './columns.js';

/** What went wrong with one event, in words that may be stored and shown: nothing that a person wrote is repeated. */
export interface Failure {
  /** The error's class, or PostgreSQL's code for it. */
  readonly error: string;
  readonly message: string;
}

const messageCharactersMax = 300;

/**
 * Error messages quote what they complain about: `JSON.parse` an excerpt of its input, PostgreSQL the value. So everything in
 * double quotes is left out, and so is every value of the event wherever it occurs.
 */
export function describeFailure(error: unknown, event: DomainEvent): Failure {
  if (!(error instanceof Error)) return { error: typeof error, message: 'Something that is not an error was thrown.' };
  const code = sqlState(error);
  let message = error.message.replaceAll(/"[^"]*"/g, '"…"');
  for (const value of valuesIn(event)) message = message.replaceAll(value, '…');
  message = message.replaceAll('\0', '…');
  const shown = message.length > messageCharactersMax ? `${message.slice(0, messageCharactersMax)}…` : message;
  return { error: code === undefined ? error.name : `PostgreSQL ${code}`, message: shown };
}

/**
 * Errors that the same rows would cause again: a value out of range, a broken constraint, a text that cannot be stored, an
 * index entry that is too large. Everything else is the database's trouble and passes.
 */
export function isDataError(error: unknown): boolean {
  if (error instanceof ValueUnstorable) return true;
  const code = sqlState(error);
  return code !== undefined && (/^2[1-3]/.test(code) || code === '54000');
}

function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Short values would also blot out the words between them. The type is part of no secret. */
function valuesIn({ type, ...data }: DomainEvent): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
    else if (typeof value === 'string' || typeof value === 'number') found.push(String(value));
  };
  visit(data);
  return found.filter((value) => value.length > 2 && value !== type).sort((one, other) => other.length - one.length);
}
