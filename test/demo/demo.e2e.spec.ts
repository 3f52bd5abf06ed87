import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type Program, startProgram } from '../../src/app/program.js';
import { shippedPublicPrompts } from '../../src/interactive-prompts/shipped-public-prompts.commands.js';
import { DemoPerson } from '../../src/ops/demo-person.js';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { readConfig } from '../../src/platform/config/config.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aDataFolder } from '../support/a-program.js';
import { aBrowser, browserPath } from './a-browser.js';

const words = { style: 'word', text: 'How do you feel?', options: ['calm', '<img src=x onerror=alert(1)>', 'tense'] };

/** What runs in the page is compiled without the browser's types. */
interface BrowserWindow {
  getComputedStyle(element: unknown): { readonly outlineWidth: string };
}

let database: TestDatabase;
let program: Program;

function person(sub: string, admin = false): DemoPerson {
  const { OSEH_ID_TOKEN_SECRET: secret } = program.secrets.config;
  return new DemoPerson(program.url, issueUserToken(secret, { sub, admin, givenName: sub }));
}

function programWith(secrets: Readonly<Record<string, string>>): Promise<Program> {
  const variables = { DATABASE_URL: database.url, CHORUS_DATA: aDataFolder(), PORT: '0', LOG_LEVEL: 'error' };
  return startProgram(readConfig({ ...variables, ...secrets }));
}

beforeAll(async () => {
  database = await aDatabase();
  program = await programWith({});
});
afterAll(async () => {
  await program.stop();
  await database.close();
});

describe('the demo, as it is served', () => {
  test('lets the browser run and show nothing but its own files', async () => {
    const answer = await fetch(`${program.url}/demo`);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    const page = await answer.text();
    expect(page).not.toMatch(/<script(?![^>]* src="\/demo\/page\/)|<style| style=| on\w+=/);
    const files = [...page.matchAll(/(?:src|href)="(\/demo\/[^"]+)"/g)].map(([, path]) => path!);
    for (const file of files) expect((await fetch(new URL(file, program.url))).status).toBe(200);
  });

  test('is smaller than 40 kB in all', async () => {
    const files = ['demo.css', 'demo.js', 'api.js', 'answers.js', 'faces.js', 'live.js'];
    const sizes = ['', ...files.map((file) => `/page/${file}`)].map(async (path) => {
      const answer = await fetch(`${program.url}/demo${path}`);
      expect(answer.status).toBe(200);
      return (await answer.arrayBuffer()).byteLength;
    });
    expect((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)).toBeLessThan(40_000);
  });

  test('has no other file than its own', async () => {
    for (const name of ['demo.html', 'page/secrets.json', 'page/..%2fdemo.http.js', 'page/%2e%2e%2fdemo.module.js']) {
      expect((await fetch(`${program.url}/demo/${name}`)).status).toBe(404);
    }
  });

  test('makes up a guest who is no administrator', async () => {
    const answer = await fetch(`${program.url}/demo/guests`, { method: 'POST' });
    const { token } = (await answer.json()) as { token: string };
    await expect(new DemoPerson(program.url, token).create(words, 10)).rejects.toThrow('administrator');
  });

  test('makes nobody up where people’s tokens come from elsewhere, or where others can ask', async () => {
    for (const variables of [{ OSEH_ID_TOKEN_SECRET: 'a secret that was set' }, { HOST: '0.0.0.0' }]) {
      const elsewhere = await programWith(variables);
      const answer = await fetch(`${elsewhere.url}/demo/guests`, { method: 'POST' });
      await elsewhere.stop();
      expect(answer.status).toBe(404);
    }
  });
});

const inBrowser = browserPath === undefined ? describe.skip : describe;
const whySkipped = browserPath === undefined ? ' (skipped: this machine has no Chromium)' : '';

inBrowser(`the demo, in a browser${whySkipped}`, () => {
  let browser: Browser;
  let page: Page;
  let mishaps: string[];

  beforeAll(async () => {
    browser = await aBrowser(browserPath!);
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 375, height: 812 } });
    page.setDefaultTimeout(8_000);
    mishaps = [];
    page.on('pageerror', (error) => mishaps.push(error.message));
    page.on('console', (message) => message.type() === 'error' && mishaps.push(message.text()));
  });
  afterEach(() => page.close());

  async function open(prompt: object = words, durationSeconds = 30): Promise<string> {
    const uid = await person('host', true).create(prompt, durationSeconds);
    await page.goto(`${program.url}/demo?prompt=${uid}`);
    return uid;
  }

  const answerButton = (name: string) => page.getByRole('button', { name, exact: true });
  const shareOf = async (name: string) => {
    const style = await answerButton(name).locator('.bar').getAttribute('style');
    return Number(/--share: ([\d.]+)/.exec(style ?? '')?.[1]);
  };
  const tallyOf = (name: string) => page.locator('li', { has: answerButton(name) }).locator('.tally');

  /** Somebody else, over HTTP, a little after the beginning of the prompt. */
  async function someoneAnswers(uid: string, sub: string, index: number): Promise<void> {
    const other = person(sub);
    const session = await other.start(uid);
    await other.tell(session, { event: 'join', promptTime: 0, data: {} });
    await other.tell(session, { event: 'respond_word_prompt', promptTime: 0.1, data: { index } });
  }

  test('shows the question, and bars that move when somebody answers', async () => {
    const uid = await open();
    await page.getByRole('heading', { name: 'How do you feel?' }).waitFor();
    expect(await answerButton('calm').isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('live', { exact: true }).waitFor();
    await answerButton('calm').click();
    await tallyOf('calm').getByText('100 %').waitFor();
    expect(await answerButton('calm').getAttribute('aria-pressed')).toBe('true');

    await someoneAnswers(uid, 'Ada', 2);
    await tallyOf('tense').getByText('50 %').waitFor();
    expect([await shareOf('calm'), await shareOf('tense')]).toEqual([0.5, 0.5]);
    await page.getByText('Ada chose tense').waitFor();
    await page.getByRole('img', { name: 'Ada' }).waitFor();
    expect(mishaps).toEqual([]);
  });

  test('says what is what to those who do not see it', async () => {
    await open();
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByRole('progressbar', { name: 'Time in the prompt' }).waitFor();
    await page.getByRole('timer').waitFor();
    await page.getByRole('group', { name: 'How do you feel?' }).waitFor();
    await page.getByRole('img', { name: 'You' }).waitFor();
    expect(await page.getByRole('button').allTextContents()).toEqual([...words.options, '♥ Like', 'Leave']);
    expect(await page.locator(':focus').getAttribute('id')).toBe('question');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
  });

  test('asks for a token where nobody is made up, and puts it into no address', async () => {
    await page.route('**/demo/guests', (route) => route.fulfill({ status: 404 }));
    const uid = await person('host', true).create(words, 30);
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    await page.goto(`${program.url}/demo?prompt=${uid}`);
    const { OSEH_ID_TOKEN_SECRET: secret } = program.secrets.config;
    const token = issueUserToken(secret, { sub: 'Esra' });
    await page.getByLabel('Your token').fill(token);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByRole('button', { name: 'Leave' }).waitFor();
    expect(addresses.filter((address) => address.includes('eyJ'))).toEqual([]);
  });

  test('shows what people wrote as what they wrote', async () => {
    await open();
    await answerButton('<img src=x onerror=alert(1)>').waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });

  test('goes on by asking when the live connection cannot be had', async () => {
    await page.routeWebSocket(/\/live$/, (socket) => void socket.close());
    const uid = await open();
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('polling').waitFor();
    await someoneAnswers(uid, 'Kofi', 0);
    await tallyOf('calm').getByText('100 %').waitFor();
  });

  test('misses nothing of what others do while its live connection is cut, and shows nothing twice', async () => {
    const said: string[] = [];
    const cuts: (() => Promise<unknown>)[] = [];
    let isAway = false;
    await page.routeWebSocket(/\/live$/, (socket) => {
      if (isAway) {
        void socket.close();
        return;
      }
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        said.push(String(message));
        server.send(message);
      });
      cuts.push(() => Promise.all([socket.close(), server.close()]));
    });
    const uid = await open(words, 60);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('live', { exact: true }).waitFor();
    await someoneAnswers(uid, 'Ada', 0);
    await page.getByText('Ada chose calm').waitFor();

    isAway = true;
    await cuts[0]!();
    await page.getByText('polling').waitFor();
    await someoneAnswers(uid, 'Kofi', 2);
    await tallyOf('tense').getByText('50 %').waitFor();
    expect(await page.getByText('Kofi chose tense').count()).toBe(0);
    isAway = false;
    await page.getByText('live', { exact: true }).waitFor({ timeout: 20_000 });
    await page.getByText('Kofi chose tense').waitFor();

    const asked = said.map((text) => JSON.parse(text) as { type: string; data: { resume_from?: string } });
    const resumed = asked.filter(({ type }) => type === 'authorize').map(({ data }) => data.resume_from);
    expect(resumed).toEqual([undefined, expect.stringMatching(/^\d+$/)]);
    const lines = await page.locator('#ticker li').allTextContents();
    expect(lines.filter((line) => line.startsWith('Ada'))).toEqual(['Ada chose calm', 'Ada joined']);
    expect(lines.filter((line) => line.startsWith('Kofi'))).toEqual(['Kofi chose tense', 'Kofi joined']);
  }, 40_000);

  test('is used by the keyboard alone, from the beginning to the end, and shows where one is', async () => {
    await open();
    await page.getByRole('button', { name: 'Join' }).waitFor();
    const here = (): Promise<string> => page.locator(':focus').innerText();
    const ring = (): Promise<string> =>
      page
        .locator(':focus')
        .evaluate((it) => (globalThis as unknown as BrowserWindow).getComputedStyle(it).outlineWidth);
    const goTo = async (name: string): Promise<void> => {
      for (let steps = 0; steps < 8; steps += 1) {
        await page.keyboard.press('Tab');
        if ((await here()).includes(name)) break;
      }
      expect(await here()).toContain(name);
      expect(await ring()).toBe('3px');
    };
    await goTo('Join');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Leave' }).waitFor();
    await goTo('calm');
    await page.keyboard.press('Space');
    await tallyOf('calm').getByText('100 %').waitFor();
    await goTo('Like');
    await page.keyboard.press('Enter');
    await page.locator('#likes').getByText('1').waitFor();
    await goTo('Leave');
    await page.keyboard.press('Enter');
    await page.getByText('You left after').first().waitFor();
    expect(await here()).toBe('Join again');
    expect(mishaps).toEqual([]);
  });

  test('offers the public prompts where none is named, and takes part in one', async () => {
    await page.goto(`${program.url}/demo`);
    await page.getByRole('heading', { name: 'Which prompt?' }).waitFor();
    const offered = await page
      .locator('#public-prompts a')
      .evaluateAll((links: readonly { href?: string; textContent: string | null }[]) =>
        links.map(({ href = '', textContent }) => [new URL(href).searchParams.get('public'), textContent]),
      );
    expect(offered).toEqual(shippedPublicPrompts.map(({ identifier, content }) => [identifier, content.text]));

    await page.getByRole('link', { name: 'When’s a good moment to remind you?' }).click();
    await page.getByRole('button', { name: 'Join' }).click();
    await answerButton('Evening').click();
    await tallyOf('Evening').getByText('100 %').waitFor();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('button', { name: 'Join again' }).click();
    await page.getByRole('button', { name: 'Leave' }).waitFor();
    expect(mishaps).toEqual([]);
  });

  test('says so when a public prompt is none', async () => {
    await page.goto(`${program.url}/demo?public=nothing`);
    await page.getByRole('alert').getByText('There is no public prompt of that name').waitFor();
  });

  test('leaves at the end, and lets one join again', async () => {
    const leaving = page.waitForRequest(/events\/leave$/);
    await open(words, 1);
    await page.getByRole('button', { name: 'Join' }).click();
    expect(((await leaving).postDataJSON() as { prompt_time: number }).prompt_time).toBe(1);
    await page.getByText('the prompt is over').first().waitFor();
    await page.getByRole('button', { name: 'Join again' }).click();
    await page.getByRole('button', { name: 'Leave' }).waitFor();
    expect(mishaps).toEqual([]);
  });

  test.each([
    [{ style: 'numeric', text: 'How many?', min: 1, max: 10 }, '7'],
    [{ style: 'color', text: 'Which?', colors: ['#E4572E', '#3D6FE0'] }, 'Blue'],
  ])('takes an answer to %j', async (prompt, name) => {
    await open(prompt);
    await page.getByRole('button', { name: 'Join' }).click();
    await answerButton(name).click();
    await tallyOf(name).getByText('1').waitFor();
    expect(await shareOf(name)).toBe(1);
  });

  test('takes a press that is held by the keyboard', async () => {
    await open({ style: 'press', text: 'Hold.' });
    await page.getByRole('button', { name: 'Join' }).click();
    const button = page.getByRole('button', { name: 'Press and hold' });
    await page.getByRole('button', { name: 'Leave' }).waitFor();
    await button.focus();
    await page.keyboard.down('Space');
    await page.getByText('Pressing now: 1. Presses so far: 1.').waitFor();
    await page.keyboard.up('Space');
    await page.getByText('Pressing now: 0. Presses so far: 1.').waitFor();
  });
});
