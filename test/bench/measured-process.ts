import { existsSync, readFileSync, writeSync } from 'node:fs';
import type { Usage } from './process-usage.js';

/**
 * Loaded before a program that is measured: at its end it tells, on descriptor 3, what it used, and the most that it ever had in
 * memory. Linux counts that from the start of the program; what `resourceUsage` says begins with what its parent had.
 */
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  const usage: Usage = { cpuSeconds: (user + system) / 1e6, residentBytes: peakKilobytes() * 1_024 };
  writeSync(3, JSON.stringify(usage));
});

const status = '/proc/self/status';

function peakKilobytes(): number {
  const peak = existsSync(status) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8')) : undefined;
  return Number(peak?.[1] ?? process.resourceUsage().maxRSS);
}
