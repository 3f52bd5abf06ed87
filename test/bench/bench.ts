import { analyse } from './analyse.js';
import { append } from './append.js';
import { http } from './http.js';
import { live } from './live.js';
import { project } from './project.js';
import { rebuild } from './rebuild.js';
import { runNamed } from './run.js';
import { stats } from './stats.js';

/** `npm run -s bench -- <name> [--json]`: what the program's parts can do, against something comparable. */
await runNamed(
  { name: 'bench', describe: 'Benchmarks. Each alternates its sides and takes medians of several rounds.' },
  [analyse, append, http, live, project, rebuild, stats],
);
