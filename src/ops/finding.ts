/** What was found out about one part, and what a person should do about it. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly says: string;
  readonly todo?: string;
}

export const fine = (part: string, says: string): Finding => ({ part, ok: true, says });
export const wrong = (part: string, says: string, todo: string): Finding => ({ part, ok: false, says, todo });
