import { z } from 'zod';

/** What a process has used since it began, as the operating system counts it. */
export const Usage = z.object({ cpuSeconds: z.number(), residentBytes: z.number() });
export type Usage = z.infer<typeof Usage>;

/** What a process is asked by whoever started it. */
export const usageQuestion = 'What did you use?';

/** All threads of this process, and what the system did on its behalf. */
export function tellUsageWhenAsked(): void {
  process.on('message', (asked) => {
    if (asked !== usageQuestion) return;
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() } satisfies Usage);
  });
}
