import { reuseWhatWasCompiled } from './compiled-before.js';

reuseWhatWasCompiled();
const { run } = await import('./app/run.js');
await run(process.env);
