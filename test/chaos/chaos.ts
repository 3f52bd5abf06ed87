import { runNamed } from '../bench/run.js';
import { freeze } from './freeze.js';
import { interleave } from './interleave.js';
import { kill } from './kill.js';
import { live } from './live.js';
import { rebuild } from './rebuild.js';

/** `npm run -s chaos -- <name> [--json]`: what the program keeps to when everything around it goes wrong. */
await runNamed({ name: 'chaos', describe: 'Runs that break things on purpose and check what must hold anyway.' }, [
  interleave,
  kill,
  freeze,
  live,
  rebuild,
]);
