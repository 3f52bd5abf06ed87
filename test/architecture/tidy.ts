/**
 * What no linter knows: rules about names, words and lists, checked over the source text.
 *
 * Each rule takes all files and returns sentences about the untidy ones. They read text rather than syntax, so they also see
 * comments and documents.
 */
import { basename, dirname, join } from 'node:path';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export type Rule = (files: readonly SourceFile[]) => readonly string[];

const isCode = ({ path }: SourceFile): boolean => /\.(ts|mjs|cjs)$/.test(path);
const isDocument = ({ path }: SourceFile): boolean => path.endsWith('.md');
const inSlice = ({ path }: SourceFile): boolean => /^src\/(?!kernel\/|platform\/|app\/|ops\/)[^/]+\//.test(path);
const isReadModel = ({ path }: SourceFile): boolean => /^projections\/[^/]+\/[^/]+\.ts$/.test(path);

const perLine =
  (pattern: RegExp, complaint: string): Rule =>
  (files) =>
    files.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${complaint}: ${line.trim()}`] : [])),
    );

/** A drawer without a label refuses nothing. */
const namesSayWhatTheFileDoes: Rule = (files) =>
  files
    .filter(isCode)
    .filter(({ path }) => /(^|[/.-])(utils?|helpers?|common|misc|shared|index|service|manager)([/.-]|$)/.test(path))
    .map(({ path }) => `${path} is named after what it is, not after what it does`);

/** The second suffix decides what a file may import, so an invented one would escape the import rules. */
const suffixesAreFromTheList: Rule = (files) => {
  const untidy = (name: string, suffixes: string): boolean => !new RegExp(`^[a-z0-9-]+${suffixes}\\.ts$`).test(name);
  return [
    ...files
      .filter(inSlice)
      .filter(isCode)
      .filter(({ path }) => untidy(basename(path), '(\\.(bus|http|process|live|module|commands|queries|refusals))?')),
    ...files.filter(isReadModel).filter(({ path }) => untidy(basename(path), '')),
  ].map(({ path }) => `${path} has a suffix that no import rule knows`);
};

/** Half a thought is an issue, not a comment. */
const nothingIsLeftForLater = perLine(/\b(TODO|FIXME|XXX|HACK)\b/, 'leaves something for later');

const exceptionsHaveReasons: Rule = (files) =>
  perLine(
    /(eslint-disable(?!.* -- \S)|@ts-(ignore|nocheck)|@ts-expect-error(?! \S)|prettier-ignore(?!.* -- \S))/,
    'gives no reason',
  )(files.filter(isCode));

/** A read model states what a read and a change cost, where the next person would make them dearer. */
const readModelsStateTheirCost: Rule = (files) =>
  files
    .filter(isReadModel)
    .filter(({ text }) => text.includes('projection<'))
    .filter(({ text }) => {
      const header = /\/\*\*([\s\S]*?)\*\//.exec(text.slice(0, text.indexOf('export const')))?.[1] ?? '';
      return !/\bread\b/i.test(header) || !/\bchange\b/i.test(header);
    })
    .map(({ path }) => `${path} does not say in its header why it exists and what a read and a change cost`);

/** The engine runs the list: a read model outside it stays empty without a word. */
const readModelsAreRegistered: Rule = (files) => {
  const registry = files.find(({ path }) => path === 'projections/registry.ts')?.text ?? '';
  return files
    .filter(isReadModel)
    .filter(({ text }) => text.includes('projection<'))
    .filter(({ path }) => !registry.includes(`'./${path.slice('projections/'.length).replace(/\.ts$/, '.js')}'`))
    .map(({ path }) => `${path} is not in projections/registry.ts`);
};

/** The tree is read by people who never saw the machine or the desk where it was written. */
const nothingTellsWhereItWasMade = perLine(
  /(^|[\s'"`(=])\/(work|root|home)\/|\bissues? #?\d+\b|\b(claude|anthropic|chatgpt|copilot)\b|\bCEO\b/i,
  'tells where it was made',
);

/** A document that names a file which moved sends its reader nowhere. */
const documentsNameFilesThatExist: Rule = (files) => {
  const exists = new Set(files.flatMap(({ path }) => [path, ...foldersOf(path)]));
  return files
    .filter(isDocument)
    .flatMap(({ path, text }) =>
      [...linksOf(path, text), ...pathsOf(text)]
        .filter((target) => !exists.has(target))
        .map((target) => `${path} mentions ${target}, which does not exist`),
    );
};

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

function linksOf(path: string, text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)].map(([, target = '']) =>
    join(dirname(path), target).replace(/\/$/, ''),
  );
}

/** Inline code that names a path of the tree; one with a placeholder names a kind of file, and stays unchecked. */
function pathsOf(text: string): string[] {
  return [...text.matchAll(/`((?:src|projections|migrations|test|docs)\/[\w./-]*)`/g)].map(([, target = '']) =>
    target.replace(/\/$/, ''),
  );
}

export const rules = {
  namesSayWhatTheFileDoes,
  suffixesAreFromTheList,
  nothingIsLeftForLater,
  exceptionsHaveReasons,
  readModelsStateTheirCost,
  readModelsAreRegistered,
  nothingTellsWhereItWasMade,
  documentsNameFilesThatExist,
} as const satisfies Readonly<Record<string, Rule>>;
