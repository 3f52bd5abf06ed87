import type { OpenAPIObject } from '@nestjs/swagger';
import { fieldList } from './field-list.js';
import { isSchema, propertiesOf, wordsFor } from './schema-words.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Content = Readonly<Record<string, { readonly schema?: unknown }>>;

interface Route {
  readonly heading: string;
  readonly operation: Operation;
}

interface Answer {
  readonly status: string;
  readonly description: string;
  readonly content: Content;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * `docs/reference/http.md`: the routes, from the same description that the program serves at `/openapi.json`. What several
 * routes have in common is said once.
 */
export function httpPage(api: OpenAPIObject): string {
  const routes = routesOf(api);
  const takenBySeveral = repeated(routes.flatMap(({ operation }) => parameterLines(operation).filter(isOptional)));
  const problems = routes.flatMap(({ operation }) => answersOf(operation).filter(isCommon).map(answerLine));
  return `# HTTP

The running program serves this as OpenAPI at \`/openapi.json\`, and as pages to try it out at \`/docs\`.

${api.info.description ?? ''}

## What routes have in common

Several routes take:

${[...takenBySeveral].join('\n')}

Beside its own answers a route may give:

${[...new Set(problems)].sort().join('\n')}

${routes.map((route) => section(route, takenBySeveral)).join('\n\n')}

${shapesOf(api).join('\n\n')}
`;
}

function routesOf(api: OpenAPIObject): readonly Route[] {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    methods.flatMap((method): Route[] => {
      const operation = item[method];
      return operation === undefined ? [] : [{ heading: `${method.toUpperCase()} ${path}`, operation }];
    }),
  );
}

function section({ heading, operation }: Route, takenBySeveral: ReadonlySet<string>): string {
  const parameters = parameterLines(operation);
  const common = parameters.filter((line) => takenBySeveral.has(line)).map((line) => line.slice(2, line.indexOf(' (')));
  const own = parameters.filter((line) => !takenBySeveral.has(line));
  const answers = answersOf(operation);
  const refusals = answers.filter((answer) => !isGood(answer) && !isCommon(answer)).map(answerLine);
  const parts = [
    `## ${heading}`,
    operation.summary ?? '',
    operation.description ?? '',
    operation.security?.length === 0 ? 'Open to everybody.' : 'Needs a token.',
    titled('Takes', [...own, ...(common.length === 0 ? [] : [`- ${common.join(', ')}`])]),
    ...bodyOf(operation),
    ...answers.filter(isGood).map(goodAnswer),
    titled('Refuses', refusals),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function titled(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n\n${lines.join('\n')}`;
}

const isOptional = (line: string): boolean => line.includes(', optional)');

function parameterLines({ parameters = [] }: Operation): readonly string[] {
  return parameters.flatMap((parameter) => {
    if ('$ref' in parameter) return [];
    const { name, in: place, required, schema, description } = parameter;
    const words = isSchema(schema) ? `: ${wordsFor(schema)}` : '';
    const meaning = description === undefined ? '' : `. ${description}`;
    return [`- \`${name}\` (${place}${required === true ? '' : ', optional'})${words}${meaning}`];
  });
}

function bodyOf({ requestBody }: Operation): readonly string[] {
  if (requestBody === undefined || '$ref' in requestBody) return [];
  return described('Body', requestBody.content);
}

function goodAnswer({ status, description, content }: Answer): string {
  const head = [`Answers ${status}`, description.replace(/\.$/, '')].filter((part) => part !== '').join('. ');
  const [body] = described(head, content);
  return body ?? `${head}.`;
}

function described(title: string, content: Content): readonly string[] {
  return Object.values(content).flatMap(({ schema }) => {
    if (!isSchema(schema)) return [];
    return [propertiesOf(schema).length === 0 ? `${title}: ${wordsFor(schema)}.` : `${title}:\n\n${fieldList(schema)}`];
  });
}

function answersOf({ responses }: Operation): readonly Answer[] {
  return Object.entries(responses).flatMap(([status, response]) => {
    if (response === undefined || '$ref' in response) return [];
    return [{ status, description: response.description, content: response.content ?? {} }];
  });
}

const isGood = ({ status }: Answer): boolean => status.startsWith('2');

/** A route's own refusals are a list with their types; what the shell around every route says is a sentence. */
const isCommon = (answer: Answer): boolean => !isGood(answer) && !answer.description.startsWith('- ');

function answerLine({ status, description }: Answer): string {
  const head = status === 'default' ? 'otherwise' : status;
  return `- ${head}: ${description.replaceAll('\n', '\n  ').replace(/^(?=- )/, '\n  ')}`;
}

function repeated(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.filter((line, index) => lines.indexOf(line) !== index));
}

function shapesOf({ components }: OpenAPIObject): readonly string[] {
  return Object.entries(components?.schemas ?? {}).flatMap(([name, shape]) =>
    isSchema(shape) ? [`## ${name}\n\n${fieldList(shape)}`] : [],
  );
}
