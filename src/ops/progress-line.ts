const terminalMs = 200;
const logMs = 5_000;

/** How far a long work is: one line that is replaced on a terminal, a line now and then anywhere else. On stderr. */
export class ProgressLine {
  private shownAt = performance.now();
  private isShown = false;

  constructor(private readonly to: NodeJS.WriteStream = process.stderr) {}

  show(text: () => string): void {
    const now = performance.now();
    const { isTTY } = this.to;
    if (now - this.shownAt < (isTTY ? terminalMs : logMs)) return;
    this.shownAt = now;
    this.isShown = true;
    this.to.write(isTTY ? `\r\u001b[K${text()}` : `${text()}\n`);
  }

  end(): void {
    if (this.isShown && this.to.isTTY) this.to.write('\r\u001b[K');
    this.isShown = false;
  }
}
