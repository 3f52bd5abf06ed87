import { ProgressLine } from '../progress-line.js';

/** How far one stage is, as a line with rate and time left. Its first call says where it begins: work that goes on does not begin at nothing. */
export class StageProgress {
  private readonly line = new ProgressLine();
  private first: { readonly ms: number; readonly done: number } | undefined;

  constructor(
    private readonly doing: string,
    private readonly unit: string,
  ) {}

  show(done: number, total: number): void {
    const ms = performance.now();
    const first = (this.first ??= { ms, done });
    const ratePerS = ms > first.ms ? ((done - first.done) * 1_000) / (ms - first.ms) : 0;
    this.line.show(() => this.text(done, total, ratePerS));
    if (done >= total) this.line.end();
  }

  private text(done: number, total: number, ratePerS: number): string {
    const percent = Math.floor((done / Math.max(total, 1)) * 100);
    const far = `${this.doing}: ${counted(done)} of ${counted(total)} ${this.unit} (${String(percent)} %)`;
    if (ratePerS <= 0 || done >= total) return far;
    return `${far}, ${counted(Math.round(ratePerS))} a second, ${String(Math.ceil((total - done) / ratePerS))} s left`;
  }
}

function counted(count: number): string {
  return count.toLocaleString('en');
}
