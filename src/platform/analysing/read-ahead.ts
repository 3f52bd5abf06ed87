/** The next one is asked for before this one is handed on: reading and what is done with it happen at the same time. */
export async function* readAhead<Value, End>(source: AsyncGenerator<Value, End>): AsyncGenerator<Value, End> {
  let next = source.next();
  try {
    for (;;) {
      const current = await next;
      if (current.done === true) return current.value;
      next = source.next();
      // It may fail while this one is still being worked on; whoever asks for it then hears of it.
      next.catch(() => undefined);
      yield current.value;
    }
  } finally {
    await next.catch(() => undefined);
  }
}
