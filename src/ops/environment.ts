/** What the commands get from outside: the environment, and whether the person wants data or a table. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Printing {
  readonly json?: boolean;
}
