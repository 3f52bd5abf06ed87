/**
 * The page, from the link to the end of the prompt:
 *
 * *no prompt* -> *needs a token* (only where the server makes up no guests) -> *asked* -> (join) -> *inside* -> (leave, or the
 * prompt's end) -> *over* -> (join again) -> *inside*
 */
import { element, answersFor } from './answers.js';
import { guest, Person, Refused } from './api.js';
import { anImageUid, face } from './faces.js';
import { LiveWatch } from './live.js';

const $ = (id) => document.getElementById(id);
const tickMs = 100;
const pollMs = 900;
const picturesMs = 2_000;
const newsMs = 10_000;
const facesMax = 12;
const tickerLines = 4;
const namesMax = 300;

const asked = new URLSearchParams(location.search);
const promptUid = asked.get('prompt');
const publicName = asked.get('public');
const myPicture = anImageUid();
let person;
let prompt;
let answers;
let stay;

/** What is true from joining to leaving. */
class Stay {
  startedAt = performance.now();
  lastTold = -1;
  told = Promise.resolve();
  stats = new Map();
  statsAt = -Infinity;
  picturesAt = -Infinity;
  newsAt = performance.now();
  isPolling = false;
  present = new Map();
  names = new Map();

  constructor() {
    this.live = new LiveWatch(prompt, () => this.time, {
      events: (items) => items.forEach((item) => this.at(item.prompt_time, () => seen(item))),
      stats: (bins) => {
        this.statsAt = performance.now();
        bins.forEach((stats) => this.stats.set(stats.bin, stats));
      },
      state: (state) => connectionIs(state === 'live' ? 'live' : 'polling'),
    });
    this.timer = setInterval(() => tick(this), tickMs);
  }

  get time() {
    return Math.min(prompt.duration_seconds, (performance.now() - this.startedAt) / 1_000);
  }

  get bin() {
    return Math.min(bins() - 1, Math.floor(this.time / (prompt.duration_seconds / bins())));
  }

  /** Others may be a little ahead; what they did is shown when this person gets there. */
  at(promptTime, show) {
    setTimeout(() => stay === this && show(), Math.max(0, (promptTime - this.time) * 1_000));
  }

  /** One after the other, in the order in which the person did it, and never two at one instant. */
  tell(event, data, options) {
    const promptTime = Math.min(prompt.duration_seconds, Math.max(this.time, this.lastTold + 0.001));
    this.lastTold = promptTime;
    const send = () => person.tell(prompt, event, promptTime, data, options);
    this.told = options?.last ? send() : this.told.then(send, send);
    return this.told;
  }

  end() {
    clearInterval(this.timer);
    this.live.close();
  }
}

async function begin() {
  $('prompt-form').onsubmit = onSubmit(() => location.assign(`/demo?prompt=${$('prompt-uid').value.trim()}`));
  if (promptUid === null && publicName === null) return show('prompt-form');
  person = await attempt(guest);
  if (person !== undefined) return ask();
  show('token-form');
  $('token-form').onsubmit = onSubmit(async () => {
    person = new Person($('token').value.trim());
    await ask();
  });
}

const onSubmit = (go) => (event) => {
  event.preventDefault();
  void go();
};

const openSession = () => (promptUid === null ? person.startPublic(publicName) : person.start(promptUid));

/** Opening a session tells what the prompt asks; nobody sees the person until they join. */
async function ask() {
  prompt = await attempt(openSession);
  if (prompt === undefined) return;
  show('stage');
  const { text } = prompt.prompt;
  document.title = `${text} · Chorus`;
  $('question').textContent = text;
  $('lead').textContent =
    `${prompt.duration_seconds} seconds. Everybody starts at zero: you see what the others did at this point of theirs, and they will see you.`;
  answers = answersFor(prompt.prompt, tellAnswer);
  answers.enable(false);
  $('answers').replaceChildren(answers.element);
  $('answers').hidden = false;
  $('join').onclick = () => void join();
  $('like').onclick = () => void tellLike();
  $('leave').onclick = () => void over(`You left after ${clockText(Math.floor(stay.time))}.`);
}

async function join() {
  $('join').disabled = true;
  if (stay !== undefined) prompt = (await attempt(openSession)) ?? prompt;
  // Only for the face; who has no picture takes part all the same.
  await person.picture(myPicture).catch(() => undefined);
  const joined = new Stay();
  const isIn = await attempt(() => joined.tell('join', {}));
  $('join').disabled = false;
  if (isIn === undefined) return joined.end();
  stay = joined;
  addFace(prompt.session_uid, { seed: isIn.icon?.uid ?? myPicture, name: 'You' });
  inside(true);
  $('question').focus();
  await learnNames(stay);
}

/** Of those who were here before: the live watch tells only what happens from now on. */
async function learnNames(current) {
  const joins = await person.joins(prompt, namesMax).catch(() => []);
  for (const { session_uid: session, data, icon } of joins) {
    current.names.set(session, { name: data.name ?? 'Somebody', seed: icon?.uid ?? session });
  }
}

function inside(isInside) {
  answers.choose(undefined);
  answers.enable(isInside);
  $('join').hidden = isInside;
  for (const id of ['like', 'leave']) $(id).hidden = !isInside;
  for (const id of ['clock', 'crowd']) $(id).hidden = false;
  document.body.dataset.state = isInside ? 'inside' : 'over';
  if (isInside) {
    $('lead').textContent = '';
    $('ticker').replaceChildren();
    $('elapsed').max = prompt.duration_seconds;
  } else connectionIs('');
}

async function over(sentence) {
  const left = stay;
  left.end();
  await attempt(() => left.tell('leave', {}));
  if (stay !== left) return;
  inside(false);
  $('lead').textContent = sentence;
  $('join').textContent = 'Join again';
  $('join').focus();
  say(`${sentence} ${answers.show(latest(left)) ?? ''}`);
}

// A page that is closed or left says so; a browser that dies is taken out at the end of the prompt.
addEventListener('pagehide', () => {
  if (document.body.dataset.state === 'inside') void stay.tell('leave', {}, { last: true });
});

async function tellAnswer(event, data, chosen) {
  const { tell } = bound();
  answers.choose(chosen);
  if ((await attempt(() => tell(event, data))) !== undefined) await poll(stay);
}

async function tellLike() {
  const { tell } = bound();
  $('like').classList.remove('beat');
  void $('like').offsetWidth;
  $('like').classList.add('beat');
  if ((await attempt(() => tell('like', {}))) !== undefined) await poll(stay);
}

const bound = () => ({ tell: stay.tell.bind(stay) });

function tick(current) {
  if (stay !== current) return;
  const { time } = current;
  const now = performance.now();
  $('elapsed').value = time;
  $('time').textContent = `${clockText(prompt.duration_seconds - time)} left`;
  draw(current);
  if (now - current.statsAt > pollMs) void poll(current);
  if (now - current.picturesAt > picturesMs) void pictures(current, now);
  if (now - current.newsAt > newsMs) {
    current.newsAt = now;
    say(`${$('users').textContent} here. ${answers.show(latest(current))}`);
  }
  if (time >= prompt.duration_seconds) void over('That was it: the prompt is over.');
}

function draw(current) {
  const stats = latest(current);
  if (stats === undefined) return;
  answers.show(stats);
  setNumber($('users'), stats.users);
  setNumber($('likes'), stats.likes);
  drawMore(stats.users);
}

/** Of this bin, else of the nearest one before. */
function latest({ stats, bin }) {
  for (let at = bin; at >= 0; at -= 1) {
    const found = stats.get(at);
    if (found !== undefined) return found;
  }
  return stats.get(bin + 1);
}

async function poll(current) {
  if (current.isPolling) return;
  current.isPolling = true;
  current.statsAt = performance.now();
  const { bin } = current;
  try {
    current.stats.set(bin, await person.stats(prompt, bin));
    if (stay === current) draw(current);
  } catch (error) {
    // The next poll comes soon, and the clock goes on.
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
  } finally {
    current.isPolling = false;
  }
}

async function pictures(current, now) {
  current.picturesAt = now;
  const uids = await person.pictures(prompt, current.time, 10).catch(() => undefined);
  if (uids === undefined || stay !== current) return;
  const shown = new Map([...current.present.values()].map(({ seed, name }) => [seed, name]));
  const named = new Map([...current.names.values()].map(({ seed, name }) => [seed, name]));
  for (const uid of uids) if (!shown.has(uid)) addFace(uid, { seed: uid, name: named.get(uid) ?? 'Somebody' });
}

/** An event of the live watch, when this person gets to its prompt time. */
function seen(item) {
  const isMe = item.session_uid === prompt.session_uid;
  const known = stay.present.get(item.session_uid);
  const name = isMe ? 'You' : (item.data.name ?? stay.names.get(item.session_uid)?.name ?? known?.name ?? 'Somebody');
  const seed = item.icon?.uid ?? known?.seed ?? item.session_uid ?? item.uid;
  if (item.evtype === 'join') stay.names.set(item.session_uid, { name, seed });
  if (item.evtype === 'leave') {
    stay.present.delete(item.session_uid);
    stay.present.delete(seed);
    drawFaces();
  } else {
    if (item.icon !== null) stay.present.delete(item.icon.uid);
    addFace(item.session_uid, { seed, name });
  }
  const did = { join: 'joined', leave: 'left', like: 'liked it' };
  const what = did[item.evtype] ?? answers.nameOf(item);
  if (what !== undefined) tickerSays({ seed, name, what });
}

function tickerSays({ seed, name, what }) {
  const item = element('li');
  const picture = face(seed, '');
  picture.setAttribute('aria-hidden', 'true');
  item.append(picture, element('b', '', name), ` ${what}`);
  $('ticker').prepend(item);
  while ($('ticker').children.length > tickerLines) $('ticker').lastChild.remove();
}

function addFace(key, { seed, name }) {
  const current = stay;
  const before = current.present.get(key);
  if (before?.seed === seed && before.name === name) return;
  current.present.set(key, { seed, name });
  while (current.present.size > facesMax) {
    const [oldest] = [...current.present.keys()].filter((one) => one !== prompt.session_uid);
    current.present.delete(oldest);
  }
  drawFaces();
}

/** Those that stay are left as they are, so that only who comes or goes moves. */
function drawFaces() {
  const list = $('faces');
  const wanted = new Map([...stay.present].map(([key, { seed, name }]) => [`${key} ${seed} ${name}`, { seed, name }]));
  for (const item of [...list.children]) if (!wanted.has(item.dataset.key)) item.remove();
  const shown = new Set([...list.children].map((item) => item.dataset.key));
  for (const [key, { seed, name }] of wanted) {
    if (shown.has(key)) continue;
    const item = element('li');
    item.dataset.key = key;
    item.append(face(seed, name));
    list.append(item);
  }
}

function drawMore(users) {
  const more = users - stay.present.size;
  $('faces').dataset.more = more > 0 ? `+${more}` : '';
}

function setNumber(place, number) {
  const text = number.toLocaleString();
  if (place.textContent !== text) place.textContent = text;
}

function connectionIs(state) {
  $('connection').hidden = state === '';
  $('connection').dataset.state = state;
  $('connection').textContent = state;
}

/** For those who listen; often enough to follow, seldom enough to think. */
function say(sentence) {
  $('news').textContent = sentence;
}

function show(id) {
  for (const one of ['token-form', 'prompt-form', 'stage']) $(one).hidden = one !== id;
}

/** What a person can do nothing about, or can, is told where they look; undefined then. */
async function attempt(go) {
  try {
    const done = await go();
    $('trouble').textContent = '';
    return done;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    const isAnswer = error instanceof Refused;
    $('trouble').textContent = isAnswer ? error.message : 'The server does not answer. Is it running?';
    return undefined;
  }
}

/** As the server counts: one less than a power of two, each at most about a second wide. */
function bins() {
  let nodes = 2;
  while (prompt.duration_seconds / nodes > 1) nodes *= 2;
  return nodes - 1;
}

function clockText(seconds) {
  const whole = Math.ceil(Math.max(0, seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

await begin();
