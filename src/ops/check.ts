/**
 * `npm run check`: everything that can be known about the source without running it, one line per part.
 *
 * The parts are separate programs that share nothing, so two run at a time; more only compete for the same cores. A part that
 * passes says so and how long it took; a part that fails prints what it found.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

interface Part {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Outcome {
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

const tool = (name: string): string => resolve('node_modules/.bin', name);
const importRules = 'test/architecture/dependency-rules.cjs';

/** The longest first: the last one to start should be a short one. */
const parts: readonly Part[] = [
  {
    name: 'lint',
    command: tool('eslint'),
    args: ['.', '--max-warnings=0', '--cache', '--cache-location=node_modules/.cache/eslint/'],
  },
  { name: 'types', command: tool('tsc'), args: ['-p', '.'] },
  {
    name: 'unused code and packages',
    command: tool('knip'),
    args: ['--no-progress'],
  },
  {
    name: 'import rules',
    command: tool('depcruise'),
    args: ['--config', importRules, 'src', 'projections', 'migrations'],
  },
  {
    name: 'format',
    command: tool('prettier'),
    args: ['--check', '.', '--cache', '--log-level=warn'],
  },
  { name: 'reference pages', command: 'npm', args: ['run', '--silent', 'reference', '--', '--check'] },
];

function run({ command, args }: Part): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((settle) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    const end = (passed: boolean, text: string): void =>
      settle({ passed, output: text.trim(), seconds: (performance.now() - startedAt) / 1000 });
    child.once('error', (error) => end(false, error.message));
    child.once('close', (code) => end(code === 0, Buffer.concat(output).toString()));
  });
}

async function runFrom(queue: Part[]): Promise<boolean> {
  let allPassed = true;
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
    const { passed, output, seconds } = await run(part);
    process.stdout.write(`${passed ? 'ok    ' : 'FAILED'}  ${part.name} (${seconds.toFixed(1)} s)\n`);
    if (!passed) process.stdout.write(`\n${output}\n\n`);
    allPassed &&= passed;
  }
  return allPassed;
}

const queue = [...parts];
const passed = await Promise.all([runFrom(queue), runFrom(queue)]);
process.exitCode = passed.every(Boolean) ? 0 : 1;
