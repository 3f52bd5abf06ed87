/**
 * The live watch of one prompt: `/api/2/interactive_prompts/live`.
 *
 * *connecting* -> (authorize, sync) -> *live* -> (connection lost) *waiting* -> *connecting*, and so on until `close`. The
 * newest position that a packet named goes with the next `authorize`, so that nothing is missed or comes twice.
 */
const againMsMin = 500;
const againMsMax = 8_000;

export class LiveWatch {
  #socket;
  #position;
  #againMs = againMsMin;
  #timer;
  #closed = false;

  /** `on`: events(items), stats(bins), state('live' | 'lost'). `time`: the person's prompt time now. */
  constructor(prompt, time, on) {
    this.prompt = prompt;
    this.time = time;
    this.on = on;
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    const address = new URL('/api/2/interactive_prompts/live', location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => this.#say('authorize', this.#authorize());
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => this.#lost();
  }

  #authorize() {
    const { uid, jwt } = this.prompt;
    const resume = this.#position === undefined ? {} : { resume_from: this.#position };
    return { interactive_prompt_uid: uid, jwt, bandwidth: 40, lookback: 10, lookahead: 10, stats: true, ...resume };
  }

  #say(type, data) {
    this.#socket.send(JSON.stringify({ type, data }));
  }

  #take({ type, data }) {
    if (data.position !== undefined) this.#position = data.position;
    switch (type) {
      case 'sync_request': {
        const now = this.time();
        this.#say('sync_response', { receive_timestamp: now, transmit_timestamp: now });
        break;
      }
      case 'auth_response':
        this.#againMs = againMsMin;
        this.on.state('live');
        break;
      case 'event_batch':
        this.on.events(data.events);
        break;
      case 'stats':
        this.on.stats(data.bins);
        break;
      case 'error':
        // A position that the server does not know any more: begin anew instead of asking for it for ever.
        this.#position = undefined;
        break;
    }
  }

  #lost() {
    if (this.#closed) return;
    this.on.state('lost');
    this.#timer = setTimeout(() => this.#connect(), this.#againMs);
    this.#againMs = Math.min(againMsMax, this.#againMs * 2);
  }
}
