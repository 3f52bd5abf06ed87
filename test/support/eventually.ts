import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats an expectation until it holds; after the time is up its last failure is the test's. */
export async function eventually<Result>(expectation: () => Result | Promise<Result>, msMax = 20_000): Promise<Result> {
  const until = performance.now() + msMax;
  for (;;) {
    try {
      return await expectation();
    } catch (failure) {
      if (performance.now() > until) throw failure;
    }
    await sleep(10);
  }
}

/** A door that a test opens: what waits at it is exactly where the test wants it. */
export function aGate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
