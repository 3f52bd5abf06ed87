import type { Config } from '../platform/config/config.js';
import { issueUserToken } from '../platform/auth/tokens.js';
import type { Program } from './program.js';

const tokenLifeSeconds = 86_400;

/**
 * What somebody reads who has just started the program. A token stands in it only when the secret was made on this machine:
 * then it opens nothing but what this person has just started.
 */
export function welcome({ url, secrets }: Program, { CHORUS_ROLE, CHORUS_DATA, DATABASE_URL }: Config): string {
  const data =
    DATABASE_URL === undefined ? `Data           ${CHORUS_DATA}` : 'Data           the database at DATABASE_URL';
  if (CHORUS_ROLE === 'worker') return `\nChorus works, its health is at ${url}/health/ready\n${data}\n\n`;
  const head = `\nChorus answers at ${url}\nAPI docs       ${url}/docs\nSee it move    npm run -s chorus -- demo\n${data}\n`;
  if (!secrets.generated.has('OSEH_ID_TOKEN_SECRET')) return `${head}\n`;
  const token = issueUserToken(secrets.config.OSEH_ID_TOKEN_SECRET, {
    sub: 'developer',
    admin: true,
    givenName: 'Dev',
    lifeSeconds: tokenLifeSeconds,
  });
  return `${head}
A token for development, an administrator's, valid for a day:

${token}

Create a prompt:

${createPrompt(url, token)}

`;
}

/** One line, so that it can be pasted anywhere. */
function createPrompt(url: string, token: string): string {
  const prompt = { style: 'word', text: 'How are you?', options: ['Good', 'Bad'] };
  return [
    `curl -s -X POST ${url}/api/1/admin/interactive_prompts`,
    `-H 'authorization: bearer ${token}'`,
    `-H 'content-type: application/json'`,
    `-d '${JSON.stringify({ prompt, duration_seconds: 60 })}'`,
  ].join(' ');
}
