/** What the page asks of the server. Tokens travel in headers and bodies, never in an address. */

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.message ?? `The server answered ${status}.`);
    this.status = status;
    this.type = problem.type;
  }
}

/** Somebody with a token; `position` is the newest thing that they know they did. */
export class Person {
  position = 0n;

  constructor(token) {
    this.token = token;
  }

  /** Opens a session in a prompt: the first thing, and what the rest needs. */
  start(promptUid) {
    return this.ask('POST', '/api/1/interactive_prompts/start', { interactive_prompt_uid: promptUid });
  }

  /** The same in whichever prompt stands behind a public name just now. */
  startPublic(identifier) {
    return this.ask('POST', '/api/1/interactive_prompts/start_public', { identifier });
  }

  /** `last` for what is said while the page goes away. */
  tell(prompt, event, promptTime, data = {}, { last = false } = {}) {
    const body = {
      interactive_prompt_uid: prompt.uid,
      interactive_prompt_jwt: prompt.jwt,
      session_uid: prompt.session_uid,
      prompt_time: promptTime,
      data,
    };
    return this.ask('POST', `/api/1/interactive_prompts/events/${event}`, body, { keepalive: last });
  }

  /** At least as new as what this person did, so that nobody misses their own answer. */
  async stats(prompt, bin) {
    const query = new URLSearchParams({ uid: prompt.uid, bin: String(bin) });
    const headers = { authorization: `bearer ${prompt.jwt}`, 'chorus-at-least': String(this.position) };
    return json(await fetch(`/api/1/interactive_prompts/events/stats?${query}`, { headers }));
  }

  async pictures(prompt, promptTime, limit) {
    const body = { uid: prompt.uid, jwt: prompt.jwt, prompt_time: promptTime, limit };
    const { items } = await this.ask('POST', '/api/1/interactive_prompts/profile_pictures', body);
    return items.map(({ picture }) => picture.uid);
  }

  /** The newest ones: uids begin with the time. */
  async joins(prompt, limit) {
    const filters = { evtype: { operator: 'eq', value: 'join' } };
    const body = { filters, sort: [{ key: 'uid', dir: 'desc' }], limit };
    const headers = { 'content-type': 'application/json', authorization: `bearer ${prompt.jwt}` };
    const path = '/api/1/interactive_prompts/events/search';
    return (await json(await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }))).items;
  }

  picture(imageUid) {
    return this.ask('PUT', '/api/1/users/me/profile_picture', { image_uid: imageUid });
  }

  async ask(method, path, body, options = {}) {
    const headers = { 'content-type': 'application/json', authorization: `bearer ${this.token}` };
    const answer = await fetch(path, { method, headers, body: JSON.stringify(body), ...options });
    const position = answer.headers.get('chorus-position');
    if (position !== null && BigInt(position) > this.position) this.position = BigInt(position);
    return json(answer);
  }
}

/** Undefined where the server makes nobody up: there people have tokens of their own. */
export async function guest() {
  const answer = await fetch('/demo/guests', { method: 'POST' });
  return answer.status === 404 ? undefined : new Person((await json(answer)).token);
}

async function json(answer) {
  const text = await answer.text();
  const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '');
  const body = isJson && text !== '' ? JSON.parse(text) : {};
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}
