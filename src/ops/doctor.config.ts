import { ConfigInvalid, readConfig, type Config } from '../platform/config/config.js';
import type { Environment } from './environment.js';
import { fine, wrong, type Finding } from './finding.js';

const nodeMin = { major: 22, minor: 13 } as const;

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > nodeMin.major || (major === nodeMin.major && minor >= nodeMin.minor);
  if (recent) return fine('node', `Node ${process.versions.node} on ${process.platform} ${process.arch}`);
  return wrong(
    'node',
    `Node ${process.versions.node} is older than ${String(nodeMin.major)}.${String(nodeMin.minor)}`,
    'run through npm (npm run -s chorus -- …), which brings its own Node',
  );
}

export function checkConfig(environment: Environment): { finding: Finding; config?: Config } {
  try {
    const config = readConfig(environment);
    return { finding: fine('configuration', `every variable is valid, role ${config.CHORUS_ROLE}`), config };
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return {
      finding: wrong(
        'configuration',
        error.message,
        'set the named variables right, or remove them to get the defaults',
      ),
    };
  }
}
