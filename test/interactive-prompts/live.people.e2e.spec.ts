import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PromptUid } from '../../src/kernel/ids.js';
import { eventually } from '../support/eventually.js';
import { words } from './a-stage.js';
import { Watcher } from './a-watcher.js';
import { joined, liked, opened, sessionNo, user } from './stays.js';
import { aLiveStage, journeyJwt, LivePrompt, type LiveStage, promptJwt } from './live-stage.js';

const sleep = { internal_name: 'sleep', external_name: 'Better sleep' };
const numbers = { style: 'numeric', text: 'How warm is it?', min: -5, max: 5, step: 1 };
const imageUid = 'oseh_if_0000000000000000000001';

describe('the live watch', () => {
  let stage: LiveStage;
  let url: string;
  const watchers: Watcher[] = [];
  const remembered = (watcher: Watcher): Watcher => {
    watchers.push(watcher);
    return watcher;
  };
  beforeAll(async () => {
    stage = await aLiveStage();
    [url = ''] = stage.urls;
  });
  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.leave();
  });
  afterAll(() => stage.stop());

  describe('of a journey', () => {
    const journey = async (): Promise<AJourney> => {
      const body = { title: 'An evening walk', subcategory: sleep, prompt: words };
      const made = (await stage.admin.post('/api/1/journeys', body)).body as Record<string, string>;
      const { uid = '', jwt = '', interactive_prompt_uid: promptUid = '' } = made;
      return { uid, jwt, prompt: new LivePrompt(promptUid, promptJwt(promptUid), url) };
    };
    const authorized = async (names: object): Promise<Watcher> => {
      const watcher = remembered(await Watcher.connect(url, '/api/2/journeys/live'));
      watcher.say('authorize', { bandwidth: 1_000, lookback: 10, lookahead: 10, ...names });
      return watcher;
    };

    it('tells earlier clients, in the names that they know, what clients of today do', async () => {
      const { uid, jwt, prompt } = await journey();
      const old = await authorized({ journey_uid: uid, jwt });
      await old.packet('sync_request');
      old.say('sync_response', { receive_timestamp: 0, transmit_timestamp: 0 });
      const { data } = await old.packet('latency_detection');
      expect(Object.keys(data)).toEqual(['expected_receive_journey_time', 'position']);
      const today = remembered(await prompt.watch());

      const visit = await prompt.visit('Ada', 0.5);
      await visit.tell('respond_word_prompt', 1, { index: 2 });
      await today.seen(2);
      await eventually(() => {
        const items = old.all('event_batch').flatMap((batch) => batch.data['events']);
        expect(items).toMatchObject([
          { evtype: 'join', journey_time: 0.5, data: { name: 'Ada' }, session_uid: visit.sessionUid },
          { evtype: 'word_prompt_response', journey_time: 1, data: { index: 2 } },
        ]);
        expect(JSON.stringify(items)).not.toContain('prompt_time');
      });
    });

    it.each([
      ['the token of its prompt', ({ uid, prompt }: AJourney) => ({ journey_uid: uid, jwt: prompt.jwt }), 403],
      ['the name of a prompt', ({ uid, jwt }: AJourney) => ({ interactive_prompt_uid: uid, jwt }), 422],
    ])('refuses %s', async (_what, names, code) => {
      const watcher = await authorized(names(await journey()));
      expect((await watcher.packet('error')).data).toMatchObject({ code });
      expect(await watcher.end()).toEqual({ code: 1000, reason: 'refused' });
    });

    it('refuses a journey that does not exist', async () => {
      const uid = 'oseh_j_0000000000000000000000';
      const watcher = await authorized({ journey_uid: uid, jwt: journeyJwt(uid) });
      expect((await watcher.packet('error')).data).toMatchObject({ code: 404, type: 'not_found' });
    });
  });

  it('shows the latest picture of whoever did something, and waits for none', async () => {
    const prompt = await stage.prompt(60);
    const before = remembered(await prompt.watch());
    await stage.person('Pia').put('/api/1/users/me/profile_picture', { image_uid: imageUid });
    const visit = await prompt.visit('Pia');
    await prompt.visit('Bob');
    let time = 1;
    await eventually(async () => {
      await visit.like((time += 0.01));
      const icons = before.items.filter(({ user_sub }) => user_sub === 'Pia').map(({ icon }) => icon);
      expect(icons.at(-1)).toEqual({ uid: imageUid, jwt: expect.stringMatching(/^ey/) });
    });
    const isBobs = ({ user_sub }: { user_sub: unknown }): boolean => user_sub === 'Bob';
    await eventually(() => expect(before.items.find(isBobs)).toMatchObject({ icon: null }));

    const resumed = remembered(await prompt.watch({ resume_from: 0 }));
    await resumed.seen(3);
    expect(resumed.items[0]).toMatchObject({ user_sub: 'Pia', icon: { uid: imageUid } });
  });

  it('shows nothing any more of somebody who was erased', async () => {
    const prompt = await stage.prompt(60);
    await stage.person('Eve').put('/api/1/users/me/profile_picture', { image_uid: imageUid });
    const visit = await prompt.visit('Eve', 0.5);
    await visit.like(1);
    await stage.admin.post('/api/1/admin/people/erase', { user_sub: 'Eve' });

    await eventually(async () => {
      const late = remembered(await prompt.watch({ resume_from: 0 }));
      const [join, like] = await late.seen(2);
      expect(join).toMatchObject({ evtype: 'join', user_sub: null, icon: null, data: { name: 'Anonymous' } });
      expect(like).toMatchObject({ evtype: 'like', user_sub: null, icon: null });
    }, 10_000);
  });

  it('shows whoever comes back the owner of today, as a search does, of a session that changed hands meanwhile', async () => {
    const prompt = await stage.prompt(60);
    const newPicture = 'oseh_if_0000000000000000000002';
    await stage.person('New').put('/api/1/users/me/profile_picture', { image_uid: newPicture });
    const visit = await prompt.visit('Old', 0.5);
    await visit.like(1);
    const before = remembered(await prompt.watch());
    await stage.admin.post('/api/1/admin/people/merge', { from: 'Old', into: 'New' });

    const search = async (): Promise<readonly object[]> => {
      const holder = stage.person('New').with({ authorization: `bearer ${prompt.jwt}` });
      const sort = [{ key: 'prompt_time', dir: 'asc' }];
      const { body } = await holder.post('/api/1/interactive_prompts/events/search', { sort });
      return (body as { items: object[] }).items;
    };
    await eventually(async () => {
      const late = remembered(await prompt.watch({ resume_from: 0 }));
      const items = await late.seen(2);
      expect(items).toMatchObject([
        { evtype: 'join', user_sub: 'New', icon: { uid: newPicture }, data: { name: 'Old' } },
        { evtype: 'like', user_sub: 'New' },
      ]);
      expect(await search()).toMatchObject(items.map(({ uid, user_sub, data }) => ({ uid, user_sub, data })));
    }, 10_000);
    // Who watched all the time was told nothing twice.
    expect(before.items).toEqual([]);
  });

  it('shows each thing once to whoever comes back while accounts are merged, under one owner', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Before', 0.5);
    for (const time of [1, 2, 3]) await visit.like(time);
    const merging = stage.admin.post('/api/1/admin/people/merge', { from: 'Before', into: 'After' });
    const late: Watcher[] = [];
    for (let nth = 0; nth < 15; nth += 1) late.push(remembered(await prompt.watch({ resume_from: 0 })));
    expect((await merging).status).toBe(204);
    const after = visit.by(stage.person('After'));
    await eventually(() => after.like(4));

    for (const watcher of late) {
      await watcher.seen(5);
      const { items } = watcher;
      expect(items.map(({ prompt_time }) => prompt_time)).toEqual([0.5, 1, 2, 3, 4]);
      expect(new Set(items.map(({ uid }) => uid)).size).toBe(5);
      expect(new Set(items.slice(0, 4).map(({ user_sub }) => user_sub)).size).toBe(1);
      expect(items.at(-1)).toMatchObject({ user_sub: 'After' });
    }
  });

  it('tells whoever was away for long all that they missed, in order, and not too much at once', async () => {
    const prompt = await stage.prompt(60);
    const own = { promptUid: PromptUid.parse(prompt.uid), sessionUid: sessionNo(1), userSub: user('Ada') };
    const stream = `promptSession-${own.sessionUid}`;
    const likes = Array.from({ length: 1_203 }, (_, n) => ({ ...liked(1 + n / 1_000, n + 2), ...own }));
    const begun = [{ ...opened, ...own }, { ...joined(0.5), ...own }, ...likes.slice(0, 700)];
    await stage.happened({ stream, expected: 'none', events: begun });
    await stage.happened({ stream, expected: 'any', events: likes.slice(700) });

    const watcher = remembered(await prompt.watch({ resume_from: 0, promptTime: 1 }));
    await watcher.seen(1_204);
    const times = watcher.items.map(({ prompt_time }) => prompt_time);
    expect(times).toEqual([0.5, ...likes.map(({ promptTime }) => promptTime)]);
    const sizes = watcher.batches.map(({ events }) => events.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    const { position, items } = watcher;
    expect(BigInt(position)).toBeGreaterThanOrEqual(BigInt(items.at(-1)?.position ?? 0));
  });

  it('tells of ratings below zero as of any other', async () => {
    const prompt = await stage.prompt(60, numbers);
    const watcher = remembered(await prompt.watch());
    const visit = await prompt.visit('Ada');
    await visit.tell('respond_numeric_prompt', 1, { rating: -3 });

    expect((await watcher.seen(2))[1]).toMatchObject({ evtype: 'numeric_prompt_response', data: { rating: -3 } });
  });
});

interface AJourney {
  readonly uid: string;
  readonly jwt: string;
  readonly prompt: LivePrompt;
}
