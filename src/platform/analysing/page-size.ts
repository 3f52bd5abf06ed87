const eventsMin = 10;
const eventsMax = 10_000;

/**
 * How many events the next page should have so that it is about as large as wanted: an event may be a hundred bytes or a
 * megabyte. It grows slowly and shrinks at once.
 */
export class PageSize {
  events: number;

  constructor(
    private readonly bytesWanted: number,
    first = 200,
  ) {
    this.events = first;
  }

  took(events: number, bytes: number): void {
    if (events === 0) return;
    const fitting = Math.floor(this.bytesWanted / (bytes / events));
    this.events = Math.max(eventsMin, Math.min(fitting, this.events * 2, eventsMax));
  }
}
