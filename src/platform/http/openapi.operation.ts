import { EXCEPTION_FILTERS_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { Type } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Access, accessOf } from '../auth/access.js';
import { causeOfContext } from './caused-by.js';
import { atLeastHeader, atLeastQuery, positionHeader, readModelsOf } from './position.js';
import { problemMediaType } from './problem.js';
import { RefusalFilter } from './refusals.js';

type PathItem = OpenAPIObject['paths'][string];
export type Operation = NonNullable<PathItem['get']>;
type Parameter = NonNullable<Operation['parameters']>[number];
type Response = NonNullable<Operation['responses'][string]>;
type Responses = Readonly<Record<string, Response>>;

export interface RouteHandler {
  readonly controller: Type;
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- Reflector and Reflect take any function
  readonly method: Function;
}

/** Adds to an operation what its decorators say about access, repetition, waiting and refusals. */
export function completed(operation: Operation, handler: RouteHandler, reflector: Reflector): Operation {
  const access = accessOf(reflector, handler.controller, handler.method);
  const isRead = readModelsOf(reflector, handler.method).length > 0;
  const isCommand = takesCause(handler);
  const parameters = [
    ...(operation.parameters ?? []),
    ...(isCommand ? [idempotencyKey, correlationId] : []),
    ...(isRead ? atLeast : []),
  ];
  const takesInput = parameters.length > 0 || operation.requestBody !== undefined;
  const answers = given(operation.responses);
  const shell = [...accessProblems(access), ...(takesInput ? [invalidRequest] : []), ...(isRead ? [notThereYet] : [])];
  const refused = [...refusalsOf(handler.method), ...refusalsOf(handler.controller)];
  return {
    ...operation,
    security: schemesFor(access),
    parameters,
    responses: {
      ...(isCommand || isRead ? withPosition(answers) : answers),
      ...problems([...shell, ...(isCommand ? commandProblems : []), ...refused]),
      default: problem('Any other problem'),
    },
  };
}

function given(responses: Operation['responses']): Responses {
  const entries = Object.entries(responses);
  return Object.fromEntries(entries.flatMap(([status, one]) => (one === undefined ? [] : [[status, one] as const])));
}

const text = { type: 'string' } as const;
const whole = { type: 'integer', minimum: 0 } as const;

const idempotencyKey: Parameter = {
  name: 'idempotency-key',
  in: 'header',
  required: false,
  description:
    'Makes repeating the request safe: it is carried out once. The same key with another request is refused.',
  schema: { ...text, minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
};

const correlationId: Parameter = {
  name: 'x-correlation-id',
  in: 'header',
  required: false,
  description: "Stored with the events; the request's own id if absent.",
  schema: { ...text, maxLength: 128 },
};

const atLeast: readonly Parameter[] = [
  {
    name: atLeastHeader,
    in: 'header',
    required: false,
    description: 'Answer only from a state that has seen this position.',
    schema: whole,
  },
  {
    name: atLeastQuery,
    in: 'query',
    required: false,
    description: `The same as the header ${atLeastHeader}.`,
    schema: whole,
  },
];

function withPosition(responses: Responses): Responses {
  const header = { description: 'Reads that name it see this state', schema: whole };
  const added = (response: Response): Response =>
    '$ref' in response ? response : { ...response, headers: { ...response.headers, [positionHeader]: header } };
  const entries = Object.entries(responses);
  return Object.fromEntries(entries.map(([status, one]) => [status, status.startsWith('2') ? added(one) : one]));
}

function schemesFor(access: Access | undefined): Record<string, string[]>[] {
  switch (access?.to) {
    case 'everybody':
      return [];
    case 'whoever the route accepts':
      return [{ user: [] }, { key: [] }];
    case 'admins':
    case undefined:
      return [{ user: [] }];
  }
}

interface Told {
  readonly status: number;
  readonly words: string;
}

function told(status: number, words: string): Told {
  return { status, words };
}

const invalidRequest = told(422, '`invalid_request`: The input is not what the schema says.');
const notThereYet = told(425, '`not_there_yet`: The read model has not seen the position yet.');
const commandProblems = [
  told(422, '`idempotency_key_reused`: The key came with another request before.'),
  told(503, '`unavailable`, `busy`: Nothing was changed; try again.'),
  told(503, '`outcome_unknown`: It may or may not have been done; try again with the same key.'),
];

function accessProblems(access: Access | undefined): readonly Told[] {
  if (access?.to === 'everybody') return [];
  return [
    told(401, '`not_set`, `bad_format`: There is no token, or none that can be read.'),
    told(403, '`invalid`: The token is not valid here, or no longer.'),
    ...(access?.to === 'admins' ? [told(403, '`forbidden`: This needs an administrator.')] : []),
  ];
}

function refusalsOf(target: object): readonly Told[] {
  const filters: unknown = Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, target);
  const found = Array.isArray(filters) ? filters : [];
  const answers = found.flatMap((one) => (one instanceof RefusalFilter ? one.answers : []));
  return answers.map(({ status, type, message }) => told(status, `\`${type}\`: ${message}`));
}

/** One response for each status, with all the reasons there are for it. */
function problems(all: readonly Told[]): Responses {
  const wordsOf = (wanted: number) => all.filter(({ status }) => status === wanted).map(({ words }) => `- ${words}`);
  const statuses = [...new Set(all.map(({ status }) => status))];
  return Object.fromEntries(statuses.map((status) => [status, problem(wordsOf(status).join('\n'))]));
}

function problem(description: string): Response {
  const schema = { $ref: '#/components/schemas/Problem' };
  return { description, content: { [problemMediaType]: { schema } } };
}

/** Commands are the routes that take a cause. */
function takesCause({ controller, name }: RouteHandler): boolean {
  const taken: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name);
  if (typeof taken !== 'object' || taken === null) return false;
  return Object.values(taken).some(
    (one: unknown) => isObject(one) && 'factory' in one && one.factory === causeOfContext,
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
