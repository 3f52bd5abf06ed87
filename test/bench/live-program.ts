import { startProgram } from '../../src/app/program.js';
import { readConfig } from '../../src/platform/config/config.js';
import { tellUsageWhenAsked } from './process-usage.js';

/** The program as it is, which also tells what it has used. `bench live` connects all watchers to it. */
const program = await startProgram(readConfig(process.env));
tellUsageWhenAsked();
process.send?.({ url: program.url });
