import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type APrompt, aStage, type Answer, type Person, type Stage, type Visit } from './a-stage.js';

let stage: Stage;
let prompt: APrompt;
let ada: Person;
let seen = '0';

const image = (name: string): string => `oseh_if_${name.padStart(22, '0')}`;
const Position = z.string();

beforeAll(async () => {
  stage = await aStage();
  prompt = await stage.prompt(10);
  for (const name of ['ada', 'bob']) {
    const person = stage.person(name);
    await person.put('/api/1/users/me/profile_picture', { image_uid: image(name) });
    const visit = await prompt.visit(person);
    // Ada leaves between the slots that begin at 2 and at 4.
    let last = await visit.join(0);
    if (name === 'ada') last = await visit.leave(3);
    seen = Position.parse(last.headers.get('chorus-position'));
  }
  ada = stage.person('ada').with({ 'chorus-at-least': seen });
});

afterAll(async () => {
  await stage.stop();
});

const ask = (prompt_time: number, changes: object = {}, person = ada): Promise<Answer> =>
  person.post('/api/1/interactive_prompts/profile_pictures', {
    uid: prompt.uid,
    jwt: prompt.jwt,
    prompt_time,
    limit: 5,
    ...changes,
  });

const Pictures = z.object({ items: z.array(z.object({ picture: z.object({ uid: z.string(), jwt: z.string() }) })) });
const facesAt = async (time: number, changes: object = {}, person = ada): Promise<string[]> =>
  Pictures.parse((await ask(time, changes, person)).body)
    .items.map(({ picture }) => picture.uid)
    .toSorted();

describe('the pictures of a prompt, over HTTP', () => {
  test('[68] are those of the slot of two seconds that the time is in', async () => {
    expect(await facesAt(3.9)).toEqual([image('ada'), image('bob')]);
    expect(await facesAt(2)).toEqual([image('ada'), image('bob')]);
    expect(await facesAt(4)).toEqual([image('bob')]);
    expect((await ask(4)).headers.get('cache-control')).toBe('private, max-age=120');
  });

  test('[69] are there as long as the slot begins within the prompt', async () => {
    expect((await ask(11.9)).status).toBe(200);
    expect(await ask(12)).toMatchObject({ status: 404, body: { type: 'interactive_prompt_not_found' } });
  });

  test('[70] [71] are of those who came by then and have not left, each once', async () => {
    const shown = await stage.prompt(10);
    const visits = await Promise.all(
      ['p1', 'p2', 'p3', 'p3'].map(async (name) => {
        const person = stage.person(name);
        await person.put('/api/1/users/me/profile_picture', { image_uid: image(name) });
        return shown.visit(person);
      }),
    );
    const [one, other, third, again] = visits as [Visit, Visit, Visit, Visit];
    for (const step of [() => one.join(0), () => one.leave(2), () => other.join(2.4), () => third.join(1)])
      await step();
    await again.join(1.5);
    const last = await third.leave(5);
    const watching = stage.person('ada').with({ 'chorus-at-least': last.headers.get('chorus-position') ?? '' });
    const facesIn = (time: number) => facesAt(time, { uid: shown.uid, jwt: shown.jwt }, watching);
    expect(await facesIn(2)).toEqual([image('p3')]);
    expect(await facesIn(4)).toEqual([image('p2'), image('p3')]);
    expect(await facesIn(6)).toEqual([image('p2'), image('p3')]);
  });

  test('are no more than asked for', async () => {
    expect(await facesAt(0, { limit: 1 })).toHaveLength(1);
    expect((await ask(0, { limit: 11 })).status).toBe(422);
    expect((await ask(-1)).status).toBe(422);
  });

  test('need a person first, and then the prompt’s token', async () => {
    expect(await ask(0, { jwt: 'bearer x' }, stage.stranger)).toMatchObject({ body: { type: 'not_set' } });
    expect(await ask(0, { jwt: 'bearer x' })).toMatchObject({ status: 401, body: { type: 'bad_format' } });
    const other = await stage.prompt(10);
    expect(await ask(0, { jwt: other.jwt })).toMatchObject({ status: 403, body: { type: 'invalid' } });
  });

  test('stand beside what people do', async () => {
    const joined = await (await prompt.visit(stage.person('bob'))).join(1);
    expect(joined.body).toMatchObject({ icon: { uid: image('bob') } });
    const found = await stage.stranger
      .with({ authorization: `bearer ${prompt.jwt}`, 'chorus-at-least': seen })
      .post('/api/1/interactive_prompts/events/search', { filters: { user_sub: { operator: 'eq', value: 'ada' } } });
    const icon = z.object({ items: z.array(z.object({ icon: z.object({ uid: z.string() }) })) });
    expect(icon.parse(found.body).items.map((item) => item.icon.uid)).toEqual([image('ada'), image('ada')]);
  });

  test('are the latest at once, also for somebody who had none or another a moment ago', async () => {
    const dora = stage.person('dora');
    const visit = await prompt.visit(dora);
    const iconOf = async (time: number): Promise<unknown> =>
      z.object({ icon: z.object({ uid: z.string() }).nullable() }).parse((await visit.like(time)).body).icon?.uid;
    await visit.join(0);
    const seenInTurn: unknown[] = [await iconOf(1)];
    for (const [nth, picture] of [image('dora-1'), image('dora-2'), null].entries()) {
      await dora.put('/api/1/users/me/profile_picture', { image_uid: picture });
      seenInTurn.push(await iconOf(2 + nth));
    }
    expect(seenInTurn).toEqual([undefined, image('dora-1'), image('dora-2'), undefined]);
  });
});
