import { clockOffset } from './watch-pace.js';
import {
  type Authorize,
  errorPacket,
  type Read,
  readAuthorize,
  readSyncResponse,
  syncRequestPacket,
  type WatchNames,
} from './watch-packets.js';

/** Both ends of a conversation that may break off at any time. */
export interface Line {
  /** Undefined when nothing came in time, or nobody is there any more; then the line is closed already. */
  receive(withinMs: number): Promise<string | undefined>;
  say(packet: string): void;
  close(why: 'refused' | 'garbage'): void;
}

export interface PacketError {
  readonly code: number;
  readonly type: string;
  readonly message: string;
}

export interface HandshakeParts<Admitted> {
  readonly names: WatchNames;
  /** Server time, in seconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly newUid: () => string;
  readonly admit: (authorize: Authorize) => Promise<Admitted | { readonly error: PacketError }>;
}

export interface Handshaken<Admitted> {
  readonly authorize: Authorize;
  readonly admitted: Admitted;
  /** The client's prompt time minus server time. */
  readonly offset: number;
}

const packetMsMax = 5_000;

/**
 * The first three packets of a watch: who wants to watch what (*authorize*), and what their clock shows (*sync_request*,
 * *sync_response*). The fourth, *auth_response*, begins the stream. Undefined when it came to nothing; the line is closed then.
 */
export async function handshake<Admitted extends object>(
  line: Line,
  { names, now, newUid, admit }: HandshakeParts<Admitted>,
): Promise<Handshaken<Admitted> | undefined> {
  const refuse = (error: PacketError, why: 'refused' | 'garbage' = 'refused'): void => {
    line.say(errorPacket(newUid(), error));
    line.close(why);
  };
  const ask = async <Data>(read: (text: string) => Read<Data>): Promise<Data | undefined> => {
    const text = await line.receive(packetMsMax);
    if (text === undefined) return undefined;
    const packet = read(text);
    if ('data' in packet) return packet.data;
    refuse({ code: 422, type: 'unprocessable_entity', message: packet.wrong }, packet.garbage ? 'garbage' : 'refused');
    return undefined;
  };

  const authorize = await ask((text) => readAuthorize(text, names));
  if (authorize === undefined) return undefined;
  const admitted = await admit(authorize);
  if ('error' in admitted) {
    refuse(admitted.error);
    return undefined;
  }
  const asked = now();
  line.say(syncRequestPacket(newUid()));
  const sync = await ask(readSyncResponse);
  if (sync === undefined) return undefined;
  return { authorize, admitted, offset: clockOffset({ asked, received: sync.receive_timestamp }) };
}
