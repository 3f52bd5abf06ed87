/**
 * Every way in which this side ends a connection, in one table. The reason travels in the close frame and is the label of the
 * metric, so that a client's developer and an operator read the same word.
 *
 * Not in it, because no frame can carry it: a peer that answers no ping is cut off, which its own side sees as 1006. Broken
 * frames (1002), text that is no UTF-8 (1007) and messages that are too big (1009) are closed by the protocol library.
 */
export const closings = {
  /** The stream has come to its end. */
  over: 1000,
  /** The handshake was refused; an error packet before said why. */
  refused: 1000,
  /** A packet of the handshake did not come in time. */
  silent: 1000,
  /** This process stops; another one will take the connection. */
  stopping: 1001,
  /** A packet that is no JSON object. */
  garbage: 1008,
  /** A packet when none was asked for. */
  stray: 1008,
  /** More pings than anybody needs. */
  pings: 1008,
  /** The client reads more slowly than it is written to, or not at all. */
  slow: 1008,
  /** A mistake on this side. */
  failed: 1011,
  /** This process, or this address, has as many connections as it may. */
  full: 1013,
} as const;

export type Closing = keyof typeof closings;
