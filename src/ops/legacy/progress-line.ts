import { say } from '../output.js';

/**
 * How far long work is, with rate and time left. At a terminal it is one line that changes; elsewhere a line now and then, so
 * that a log of it can be followed and isn't filled.
 */
export function progressLine(doing: string, unit: string): (done: number, total: number, more?: string) => void {
  const { isTTY } = process.stderr;
  const startedMs = performance.now();
  let shownMs = startedMs;
  let isShown = false;
  return (done, total, more) => {
    const nowMs = performance.now();
    const isOver = done >= total;
    if (nowMs - shownMs < (isTTY ? 200 : 2_000) && !(isOver && isShown)) return;
    shownMs = nowMs;
    const seconds = (nowMs - startedMs) / 1_000;
    const rate = done / seconds;
    const line = [
      `${doing}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${unit} (${String(Math.floor((done / total) * 100))} %)`,
      ...(more === undefined ? [] : [more]),
      `${Math.round(rate).toLocaleString('en')} ${unit} a second`,
      ...(isOver || rate === 0 ? [] : [`${String(Math.ceil((total - done) / rate))} s left`]),
    ].join(', ');
    if (!isTTY) say(line);
    else process.stderr.write(isOver ? '\r\u001b[K' : `\r\u001b[K${line}`);
    isShown = !isOver;
  };
}
