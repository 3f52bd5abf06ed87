/**
 * A decision's "no" on its way over the command bus, which carries only results and exceptions. The slice's HTTP file turns
 * the reason into a status.
 */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  constructor(
    readonly category: string,
    readonly command: string,
    readonly reason: string,
  ) {
    super(`${command} was refused by ${category}: ${reason}.`);
  }
}

/** More commands wait for one stream than this process is willing to hold. Nothing was done; try again shortly. */
export class StreamBusy extends Error {
  override readonly name = 'StreamBusy';
  constructor(
    readonly stream: string,
    readonly waiting: number,
  ) {
    super(`${String(waiting)} commands are already waiting for stream ${stream}.`);
  }
}
